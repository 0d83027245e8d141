/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes whole files and makes directories. Knows no format and no state.
 */
#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


/* The sentence for a failed call, from errno. */
static int
fail_errno(struct errbuf *eb, const char *doing, const char *path)
{
    int e = errno;

    return errbuf_set(eb, sprat_err_from_errno(e), "can't %s %s: %s", doing, path, strerror(e));
}

/* Reads until the end of the file, or one byte more than |max|. */
static int
read_up_to(int fd, size_t max, size_t hint, uint8_t **data, size_t *len)
{
    size_t cap = hint + 2, n = 0; /* one to see the end, one for the NUL */
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
read_regular(int fd, const char *path, size_t max, uint8_t **data, size_t *len, struct errbuf *eb)
{
    struct stat st;
    int err;

    if (fstat(fd, &st) != 0)
        return fail_errno(eb, "read", path);
    if (S_ISDIR(st.st_mode))
        return errbuf_set(eb, SPRAT_E_INVAL, "can't read %s: it is a directory", path);
    if (!S_ISREG(st.st_mode))
        return errbuf_set(eb, SPRAT_E_INVAL, "can't read %s: it is not a regular file", path);
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

int
file_read(const char *path, size_t max, uint8_t **data, size_t *len, struct errbuf *eb)
{
    /* Without O_NONBLOCK the opening of a pipe would wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int err;

    if (fd < 0)
        return fail_errno(eb, "open", path);
    err = read_regular(fd, path, max, data, len, eb);
    close(fd);
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

/* fsync of a directory, so that new names in it survive a power failure. */
static int
sync_dir(const char *path, struct errbuf *eb)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = 0;

    if (fd < 0)
        return fail_errno(eb, "open", path);
    /* Some file systems can't sync directories and say so; there is nothing more to be had
     * there. */
    if (fsync(fd) != 0 && errno != EINVAL)
        err = fail_errno(eb, "sync", path);
    close(fd);
    return err;
}

/* Syncs the directory that |path| lies in. */
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

int
file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct errbuf *eb)
{
    char *temp = NULL;
    int fd, err = 0;

    if (asprintf(&temp, "%s.XXXXXX", path) < 0)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        err = fail_errno(eb, "create", path);
        free(temp);
        return err;
    }
    if (write_all(fd, data, len) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0)
        err = fail_errno(eb, "write", path);
    if (close(fd) != 0 && err == 0)
        err = fail_errno(eb, "write", path);
    if (err == 0 && rename(temp, path) != 0)
        err = fail_errno(eb, "write", path);
    if (err != 0)
        unlink(temp);
    free(temp);
    return err != 0 ? err : sync_parent(path, eb);
}

/* Makes one directory, whose parent is there, and makes its name last. */
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
