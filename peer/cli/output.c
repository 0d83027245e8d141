/* SPDX-License-Identifier: BSD-2-Clause
 *
 * common/sys/file.h writes files; this module adds standard output, and to errors the sentence that
 * says what to do.
 */
#include "peer/cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/sys/file.h"

enum { FILE_MODE = 0666 }; /* less the umask */

/* Reserves standard output for the torrent file: other output goes to standard error. */
static int
reserve_stdout(struct output *o, struct errbuf *eb)
{
    if (isatty(STDOUT_FILENO))
        return errbuf_set(
            eb, SPRAT_E_INVAL,
            "standard output is a terminal, and a torrent file is not text: redirect it, "
            "or name a file with -o");
    fflush(stdout);
    o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (o->fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't write to standard output: %s",
                          strerror(errno));
    return 0;
}

static enum file_existing
existing(const struct output *o)
{
    return o->force ? FILE_REPLACE : FILE_KEEP;
}

static int
say_what_to_do(const struct output *o, int err, struct errbuf *eb)
{
    if (err != SPRAT_E_EXISTS)
        return err;
    return errbuf_set(
        eb, err, "%s: exists already; use -o to name another file, or -f to replace it", o->path);
}

int
output_init(struct output *o, const char *path, bool force, struct errbuf *eb)
{
    *o = (struct output){.path = path, .force = force, .fd = -1};
    if (strcmp(path, "-") == 0) {
        o->path = NULL;
        return reserve_stdout(o, eb);
    }
    return say_what_to_do(o, file_try_write(path, existing(o), eb), eb);
}

static int
write_stdout(struct output *o, const uint8_t *p, size_t len, struct errbuf *eb)
{
    int err = 0;

    while (len > 0 && err == 0) {
        ssize_t n = write(o->fd, p, len);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            err = errbuf_set(eb, n == 0 ? SPRAT_E_IO : sprat_err_from_errno(errno),
                             "can't write to standard output: %s",
                             n == 0 ? "no bytes were written" : strerror(errno));
        }
    }
    if (close(o->fd) != 0 && err == 0)
        err = errbuf_set(eb, sprat_err_from_errno(errno), "can't write to standard output: %s",
                         strerror(errno));
    o->fd = -1;
    return err;
}

int
output_write(struct output *o, const void *data, size_t len, struct errbuf *eb)
{
    if (o->path == NULL)
        return write_stdout(o, data, len, eb);
    return say_what_to_do(o, file_write(o->path, data, len, FILE_MODE, existing(o), eb), eb);
}

const char *
output_name(const struct output *o)
{
    return o->path != NULL ? o->path : "standard output";
}
