/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file has no name (common/sys/unnamed.h) where that is possible, and else a random one.
 */
#include "peer/store/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto/random.h"
#include "common/sys/unnamed.h"
#include "peer/store/safepath.h"

void
tempfile_init(struct tempfile *t)
{
    *t = (struct tempfile){.fd = -1, .dir = -1};
}

static int
open_named(int dir, mode_t perm, char name[TEMPFILE_NAME_MAX])
{
    uint64_t random[2];

    random_bytes(random, sizeof(random));
    snprintf(name, TEMPFILE_NAME_MAX, ".sprat-%016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
    return openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, perm);
}

int
tempfile_open(struct tempfile *t, const char *dir, const char *rel, mode_t perm, struct errbuf *eb)
{
    int err = safepath_open_parent(dir, rel, &t->dir, eb);

    if (err != 0)
        return err;
    t->name[0] = '\0';
    t->fd = unnamed_open(t->dir, ".", perm);
    if (t->fd < 0)
        t->fd = open_named(t->dir, perm, t->name);
    if (t->fd >= 0)
        return 0;
    err = errbuf_set(eb, sprat_err_from_errno(errno), "can't make a file beside %s/%s: %s", dir,
                     rel, strerror(errno));
    close(t->dir);
    tempfile_init(t);
    return err;
}

/* Returns 0, or -1 with errno. */
static int
give_name(const struct tempfile *t, const char *base)
{
    return t->name[0] != '\0' ? safepath_rename_at(t->dir, t->name, base)
                              : unnamed_link(t->fd, t->dir, base);
}

int
tempfile_place(struct tempfile *t, const char *dir, const char *rel, struct errbuf *eb)
{
    const char *slash = strrchr(rel, '/');

    if (give_name(t, slash != NULL ? slash + 1 : rel) != 0)
        return errno == EEXIST
                   ? errbuf_set(eb, SPRAT_E_EXISTS, "another file %s/%s exists already", dir, rel)
                   : errbuf_set(eb, sprat_err_from_errno(errno), "can't make %s/%s: %s", dir, rel,
                                strerror(errno));
    close(t->fd);
    close(t->dir);
    tempfile_init(t);
    return 0;
}

void
tempfile_discard(struct tempfile *t)
{
    if (t->fd < 0)
        return;
    if (t->name[0] != '\0')
        (void)unlinkat(t->dir, t->name, 0);
    close(t->fd);
    close(t->dir);
    tempfile_init(t);
}
