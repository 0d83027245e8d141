/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lock files with flock(). The kernel holds the lock; the text in the file is only for the error
 * message.
 */
#include "common/sys/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct lockfile {
    int fd;
    char path[];
};

enum { HOLDER_MAX = 128, TRIES_MAX = 100 };

/* Sets the message that names the holder, as far as its file says. */
static int
fail_busy(int fd, const char *what, struct errbuf *eb)
{
    char text[HOLDER_MAX + 1];
    ssize_t n = pread(fd, text, HOLDER_MAX, 0);
    char *program;
    long pid;

    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    pid = strtol(text, &program, 10);
    if (pid <= 0 || *program != ' ')
        return errbuf_set(eb, SPRAT_E_BUSY, "%s is in use by another process", what);
    return errbuf_set(eb, SPRAT_E_BUSY, "%s is in use by %s (pid %ld)", what, program + 1, pid);
}

/* Opens and locks the file. SPRAT_E_AGAIN: the holder removed the file in between. */
static int
open_and_lock(struct lockfile *l, const char *what, struct errbuf *eb)
{
    struct stat by_fd, by_path;

    l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->fd < 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't open the lock file %s: %s",
                          l->path, strerror(errno));
    if (flock(l->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? fail_busy(l->fd, what, eb)
                   : errbuf_set(eb, sprat_err_from_errno(errno), "can't lock %s: %s", l->path,
                                strerror(errno));
    if (fstat(l->fd, &by_fd) != 0 || stat(l->path, &by_path) != 0 ||
        by_fd.st_ino != by_path.st_ino || by_fd.st_dev != by_path.st_dev)
        return SPRAT_E_AGAIN;
    return 0;
}

static int
write_holder(const struct lockfile *l, const char *program, struct errbuf *eb)
{
    char text[HOLDER_MAX];
    int n = snprintf(text, sizeof(text), "%ld %.100s\n", (long)getpid(), program);

    if (ftruncate(l->fd, 0) != 0 || pwrite(l->fd, text, (size_t)n, 0) != n)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't write the lock file %s: %s",
                          l->path, strerror(errno));
    return 0;
}

int
lockfile_take(const char *path, const char *program, const char *what, struct lockfile **out,
              struct errbuf *eb)
{
    struct lockfile *l = malloc(sizeof(*l) + strlen(path) + 1);
    int err = SPRAT_E_AGAIN;

    if (l == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    strcpy(l->path, path);
    for (int i = 0; i < TRIES_MAX && err == SPRAT_E_AGAIN; i++) {
        err = open_and_lock(l, what, eb);
        if (err != 0 && l->fd >= 0)
            close(l->fd);
    }
    if (err == SPRAT_E_AGAIN)
        err = errbuf_set(eb, SPRAT_E_BUSY, "%s is in use by another process", what);
    if (err == 0) {
        err = write_holder(l, program, eb);
        if (err == 0) {
            *out = l;
            return 0;
        }
        unlink(l->path);
        close(l->fd);
    }
    free(l);
    return err;
}

int
lockfile_look(const char *path, const char *what, struct errbuf *eb)
{
    int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? 0
                               : errbuf_set(eb, sprat_err_from_errno(errno),
                                            "can't open the lock file %s: %s", path,
                                            strerror(errno));
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        err = fail_busy(fd, what, eb);
    close(fd);
    return err;
}

void
lockfile_release(struct lockfile *l)
{
    if (l == NULL)
        return;
    unlink(l->path); /* before the lock is dropped, so that no process locks a file that is about
                        to vanish */
    close(l->fd);
    free(l);
}
