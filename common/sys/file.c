/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes whole files and creates directories. Independent of file formats.
 */
#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/trim.h"
#include "common/crypto/random.h"

/* Sets the error message of a failed call, from errno. */
static int
fail_errno(struct errbuf *eb, const char *doing, const char *path)
{
    int e = errno;

    return errbuf_set(eb, sprat_err_from_errno(e), "can't %s %s: %s", doing, path, strerror(e));
}

/* Reads to the end of the file, or one byte more than |max|. */
static int
read_up_to(int fd, size_t max, size_t hint, uint8_t **data, size_t *len)
{
    size_t cap = hint + 2, n = 0; /* one byte to see the end, one for the NUL */
    uint8_t *mem = malloc(cap);

    while (mem != NULL && n <= max) {
        ssize_t r = read(fd, mem + n, cap - n - 1);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            free(mem);
            return SPRAT_E_IO;
        }
        if (r == 0)
            break;
        n += (size_t)r;
        if (n + 1 == cap) {
            uint8_t *more = realloc(mem, cap * 2);
            if (more == NULL)
                free(mem);
            mem = more;
            cap *= 2;
        }
    }
    if (mem == NULL)
        return SPRAT_E_NOMEM;
    mem[n] = '\0';
    *data = mem;
    *len = n;
    return 0;
}

static int
read_regular(int fd, const char *path, size_t max, bool secret, uint8_t **data, size_t *len,
             struct errbuf *eb)
{
    struct stat st;
    int err;

    if (fstat(fd, &st) != 0)
        return fail_errno(eb, "read", path);
    if (S_ISDIR(st.st_mode))
        return errbuf_set(eb, SPRAT_E_INVAL, "can't read %s: it is a directory", path);
    if (!S_ISREG(st.st_mode))
        return errbuf_set(eb, SPRAT_E_INVAL, "can't read %s: it is not a regular file", path);
    if (secret && (st.st_mode & (S_IROTH | S_IWOTH)) != 0)
        return errbuf_set(eb, SPRAT_E_ACCESS,
                          "%s is a secret, but every user of this machine may read or write it: "
                          "run 'chmod o-rw' on it",
                          path);
    if ((uint64_t)st.st_size > max)
        return errbuf_set(eb, SPRAT_E_TOOBIG, "%s is too large: %lld bytes, at most %zu are read",
                          path, (long long)st.st_size, max);
    err = read_up_to(fd, max, (size_t)st.st_size, data, len);
    if (err == SPRAT_E_NOMEM)
        return errbuf_set(eb, err, "can't read %s: out of memory", path);
    if (err != 0)
        return fail_errno(eb, "read", path);
    if (*len > max) {
        free(*data);
        *data = NULL;
        return errbuf_set(eb, SPRAT_E_TOOBIG, "%s is too large: at most %zu bytes are read", path,
                          max);
    }
    return 0;
}

static int
open_and_read(const char *path, size_t max, bool secret, uint8_t **data, size_t *len,
              struct errbuf *eb)
{
    /* Without O_NONBLOCK, opening a pipe would wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int err;

    if (fd < 0)
        return fail_errno(eb, "open", path);
    err = read_regular(fd, path, max, secret, data, len, eb);
    close(fd);
    return err;
}

int
file_read(const char *path, size_t max, uint8_t **data, size_t *len, struct errbuf *eb)
{
    return open_and_read(path, max, false, data, len, eb);
}

int
file_read_secret(const char *path, size_t max, uint8_t **data, size_t *len, struct errbuf *eb)
{
    return open_and_read(path, max, true, data, len, eb);
}

int
file_read_word(const char *path, char *out, size_t size, size_t *len, struct errbuf *eb)
{
    uint8_t *text = NULL;
    const uint8_t *word;
    size_t whole;
    int err = file_read_secret(path, 2 * size, &text, &whole, eb);

    if (err != 0)
        return err;
    *len = whole;
    word = trim(text, len);
    out[0] = '\0';
    if (*len < size) {
        memcpy(out, word, *len);
        out[*len] = '\0';
    }
    explicit_bzero(text, whole);
    free(text);
    return 0;
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

/* Syncs the directory of |path|. */
static int
sync_parent(const char *path, struct errbuf *eb)
{
    const char *slash = strrchr(path, '/');
    char *dir;
    int err;

    if (slash == NULL)
        return sync_dir(".", eb);
    dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (dir == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = sync_dir(dir, eb);
    free(dir);
    return err;
}

/* ---- writing ---- */

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

/* Creates an empty file in the directory of |path|; the caller frees its name |*temp|. */
static int
open_temp(const char *path, mode_t mode, char **temp, struct errbuf *eb)
{
    const char *slash = strrchr(path, '/');
    int dir_len = slash != NULL ? (int)(slash - path) + 1 : 0, fd;
    uint64_t number;

    do {
        random_bytes(&number, sizeof(number));
        if (asprintf(temp, "%.*s.sprat-%016" PRIx64, dir_len, path, number) < 0) {
            *temp = NULL;
            (void)errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
            return -1;
        }
        fd = open(*temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd >= 0)
            return fd;
        free(*temp);
        *temp = NULL;
    } while (errno == EEXIST);
    return -1;
}

int
file_try_write(const char *path, enum file_existing existing, struct errbuf *eb)
{
    struct stat st;
    char *temp;
    int fd, err = look_at_target(path, existing, &st, eb);

    if (err != 0)
        return err;
    fd = open_temp(path, 0600, &temp, eb);
    if (fd < 0)
        return fail_errno(eb, "write", path);
    close(fd);
    unlink(temp);
    free(temp);
    return 0;
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

int
file_write(const char *path, const void *data, size_t len, mode_t mode, enum file_existing existing,
           struct errbuf *eb)
{
    struct stat st;
    char *temp;
    int fd, err = look_at_target(path, existing, &st, eb);

    if (err != 0)
        return err;
    fd = open_temp(path, mode, &temp, eb);
    if (fd < 0)
        return fail_errno(eb, "write", path);
    if (write_all(fd, data, len) != 0 || copy_owner_and_mode(fd, &st) != 0 || fsync(fd) != 0)
        err = fail_errno(eb, "write", path);
    if (close(fd) != 0 && err == 0)
        err = fail_errno(eb, "write", path);
    if (err == 0 && (st.st_mode == 0 ? rename_to_new(temp, path) : rename(temp, path)) != 0)
        err = fail_errno(eb, "write", path);
    if (err != 0)
        unlink(temp);
    free(temp);
    return err != 0 ? err : sync_parent(path, eb);
}

/* Creates one directory, whose parent exists, and syncs the parent. */
static int
make_dir(const char *path, mode_t mode, struct errbuf *eb)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return sync_parent(path, eb);
    if (errno != EEXIST && errno != EISDIR)
        return fail_errno(eb, "make the directory", path);
    if (stat(path, &st) != 0)
        return fail_errno(eb, "make the directory", path);
    if (!S_ISDIR(st.st_mode))
        return errbuf_set(eb, SPRAT_E_INVAL, "%s is not a directory", path);
    return 0;
}

int
file_make_dirs(const char *path, mode_t mode, struct errbuf *eb)
{
    char *copy = strdup(path);
    int err = 0;

    if (copy == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    for (char *c = copy + (copy[0] == '/'); err == 0; c++) {
        char at = *c;
        if (at != '/' && at != '\0')
            continue;
        *c = '\0';
        if (copy[0] != '\0')
            err = make_dir(copy, mode, eb);
        if (at == '\0')
            break;
        *c = '/';
    }
    free(copy);
    return err;
}
