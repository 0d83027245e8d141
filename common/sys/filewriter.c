/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A file without a name that is to replace another one gets a random name first, since linkat()
 * replaces nothing.
 */
#include "common/sys/filewriter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto/random.h"
#include "common/sys/unnamed.h"

struct filewriter {
    int fd;
    char *path;
    char *dir;       /* of |path| */
    char *temp;      /* the name of the file so far; NULL: none */
    struct stat old; /* the file that is replaced; st_mode 0: there is none */
};

/* Sets the error message of a failed call, from errno. */
static int
fail_errno(struct errbuf *eb, const char *doing, const char *path)
{
    int e = errno;

    return errbuf_set(eb, sprat_err_from_errno(e), "can't %s %s: %s", doing, path, strerror(e));
}

/* Returns the directory of |path|, which the caller frees; NULL when memory is out. */
static char *
parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Calls fsync() on a directory, so that new names in it survive a power failure. */
static int
sync_dir(const char *path, struct errbuf *eb)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = 0;

    if (fd < 0)
        return fail_errno(eb, "open", path);
    /* Some file systems can't sync directories and report that; nothing more is possible there. */
    if (fsync(fd) != 0 && errno != EINVAL)
        err = fail_errno(eb, "sync", path);
    close(fd);
    return err;
}

int
filewriter_sync_parent(const char *path, struct errbuf *eb)
{
    char *dir = parent_of(path);
    int err = dir != NULL ? sync_dir(dir, eb) : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");

    free(dir);
    return err;
}

/* Checks whether |path| may be written. |*st| describes the existing file; mode 0: there is none.
 */
static int
look_at_target(const char *path, enum file_existing existing, struct stat *st, struct errbuf *eb)
{
    const char *what = "a device";

    if (path[0] == '\0')
        return errbuf_set(eb, SPRAT_E_INVAL, "the name of the file to write is empty");
    if (lstat(path, st) != 0) {
        st->st_mode = 0;
        return errno == ENOENT ? 0 : fail_errno(eb, "write", path);
    }
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        return existing == FILE_REPLACE
                   ? 0
                   : errbuf_set(eb, SPRAT_E_EXISTS, "%s: exists already", path);
    case S_IFDIR:
        return errbuf_set(eb, SPRAT_E_INVAL, "can't write %s: it is a directory; name a file in it",
                          path);
    case S_IFLNK:
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "can't write %s: it is a symbolic link; name the file that it leads to",
                          path);
    case S_IFIFO: what = "a pipe"; break;
    case S_IFSOCK: what = "a socket"; break;
    default: break;
    }
    return errbuf_set(eb, SPRAT_E_INVAL, "can't write %s: it is %s, not a regular file", path,
                      what);
}

/* Makes |w->temp|, a random name beside |w->path|. */
static int
make_name(struct filewriter *w)
{
    uint64_t number;

    random_bytes(&number, sizeof(number));
    free(w->temp);
    if (asprintf(&w->temp, "%s/.sprat-%016" PRIx64, w->dir, number) >= 0)
        return 0;
    w->temp = NULL;
    errno = ENOMEM;
    return -1;
}

/* Creates an empty file, with a name if it can't be without one. Returns 0, or -1 with errno. */
static int
open_temp(struct filewriter *w, mode_t mode)
{
    w->fd = unnamed_open(AT_FDCWD, w->dir, mode);
    while (w->fd < 0) {
        if (make_name(w) != 0)
            return -1;
        w->fd = open(w->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (w->fd < 0 && errno != EEXIST) {
            free(w->temp);
            w->temp = NULL;
            return -1;
        }
    }
    return 0;
}

int
filewriter_open(const char *path, mode_t mode, enum file_existing existing, struct filewriter **out,
                struct errbuf *eb)
{
    struct filewriter *w = calloc(1, sizeof(*w));
    int err;

    if (w == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    w->fd = -1;
    w->path = strdup(path);
    w->dir = parent_of(path);
    err = w->path == NULL || w->dir == NULL ? errbuf_set(eb, SPRAT_E_NOMEM, "out of memory")
                                            : look_at_target(path, existing, &w->old, eb);
    if (err == 0 && open_temp(w, mode) != 0)
        err = fail_errno(eb, "write", path);
    if (err == 0)
        *out = w;
    else
        filewriter_discard(w);
    return err;
}

static int
write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int
filewriter_put(struct filewriter *w, const void *data, size_t len, struct errbuf *eb)
{
    return write_all(w->fd, data, len) == 0 ? 0 : fail_errno(eb, "write", w->path);
}

/* Copies owner and mode of the replaced file. Only root can change the owner; a failure for other
 * users is no error. */
static int
copy_owner_and_mode(int fd, const struct stat *old)
{
    if (old->st_mode == 0)
        return 0;
    if (old->st_uid != geteuid() && fchown(fd, old->st_uid, old->st_gid) != 0 && geteuid() == 0)
        return -1;
    return fchmod(fd, old->st_mode & 0777);
}

/* Gives |temp| the name |path|, which must not exist. */
static int
rename_to_new(const char *temp, const char *path)
{
    struct stat st;

    if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* The file system has no RENAME_NOREPLACE. A hard link instead, if it supports those. */
    if (link(temp, path) == 0)
        return unlink(temp);
    if (errno == EEXIST)
        return -1;
    if (lstat(path, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(temp, path);
}

/* Gives a file without a name |w->path|. Returns 0, or -1 with errno. */
static int
link_unnamed(struct filewriter *w)
{
    if (w->old.st_mode == 0)
        return unnamed_link(w->fd, AT_FDCWD, w->path);
    do {
        if (make_name(w) != 0)
            return -1;
        if (unnamed_link(w->fd, AT_FDCWD, w->temp) == 0)
            return rename(w->temp, w->path);
    } while (errno == EEXIST);
    free(w->temp);
    w->temp = NULL;
    return -1;
}

static int
place(struct filewriter *w)
{
    if (copy_owner_and_mode(w->fd, &w->old) != 0 || fsync(w->fd) != 0)
        return -1;
    if (w->temp == NULL)
        return link_unnamed(w);
    return w->old.st_mode == 0 ? rename_to_new(w->temp, w->path) : rename(w->temp, w->path);
}

int
filewriter_commit(struct filewriter *w, struct errbuf *eb)
{
    int err = place(w) == 0 ? 0 : fail_errno(eb, "write", w->path);

    if (err == 0) {
        free(w->temp); /* the name is gone */
        w->temp = NULL;
        err = sync_dir(w->dir, eb);
    }
    filewriter_discard(w);
    return err;
}

void
filewriter_discard(struct filewriter *w)
{
    if (w == NULL)
        return;
    if (w->temp != NULL)
        unlink(w->temp);
    if (w->fd >= 0)
        close(w->fd);
    free(w->temp);
    free(w->dir);
    free(w->path);
    free(w);
}
