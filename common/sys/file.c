/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes whole files and creates directories. Independent of file formats.
 */
#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/trim.h"

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
check_readable(const struct stat *st, const char *path, size_t max, struct errbuf *eb)
{
    if (S_ISDIR(st->st_mode))
        return errbuf_set(eb, SPRAT_E_INVAL, "can't read %s: it is a directory", path);
    if (!S_ISREG(st->st_mode))
        return errbuf_set(eb, SPRAT_E_INVAL, "can't read %s: it is not a regular file", path);
    if ((uint64_t)st->st_size > max)
        return errbuf_set(eb, SPRAT_E_TOOBIG, "%s is too large: %lld bytes, at most %zu are read",
                          path, (long long)st->st_size, max);
    return 0;
}

static int
open_regular(const char *path, size_t max, int *fd, struct stat *st, struct errbuf *eb)
{
    int err;

    /* Without O_NONBLOCK, opening a pipe would wait for a writer. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return fail_errno(eb, "open", path);
    err = fstat(*fd, st) != 0 ? fail_errno(eb, "read", path) : check_readable(st, path, max, eb);
    if (err != 0)
        close(*fd);
    return err;
}

int
file_open(const char *path, size_t max, int *fd, size_t *len, struct errbuf *eb)
{
    struct stat st;
    int err = open_regular(path, max, fd, &st, eb);

    if (err == 0)
        *len = (size_t)st.st_size;
    return err;
}

int
file_read_at(int fd, const char *path, void *buf, size_t len, uint64_t offset, struct errbuf *eb)
{
    uint8_t *p = buf;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(eb, "read", path);
        if (n == 0)
            return errbuf_set(eb, SPRAT_E_SHORT, "can't read %s: it has become shorter", path);
        p += n;
        len -= (size_t)n;
        offset += (size_t)n;
    }
    return 0;
}

static int
read_whole(int fd, const char *path, size_t max, size_t hint, uint8_t **data, size_t *len,
           struct errbuf *eb)
{
    int err = read_up_to(fd, max, hint, data, len);

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
    struct stat st;
    int fd, err = open_regular(path, max, &fd, &st, eb);

    if (err != 0)
        return err;
    if (secret && (st.st_mode & (S_IROTH | S_IWOTH)) != 0)
        err = errbuf_set(eb, SPRAT_E_ACCESS,
                         "%s is a secret, but every user of this machine may read or write it: "
                         "run 'chmod o-rw' on it",
                         path);
    if (err == 0)
        err = read_whole(fd, path, max, (size_t)st.st_size, data, len, eb);
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

int
file_try_write(const char *path, enum file_existing existing, struct errbuf *eb)
{
    struct filewriter *w;
    int err = filewriter_open(path, 0600, existing, &w, eb);

    if (err == 0)
        filewriter_discard(w);
    return err;
}

int
file_write(const char *path, const void *data, size_t len, mode_t mode, enum file_existing existing,
           struct errbuf *eb)
{
    struct filewriter *w;
    int err = filewriter_open(path, mode, existing, &w, eb);

    if (err != 0)
        return err;
    err = filewriter_put(w, data, len, eb);
    if (err == 0)
        return filewriter_commit(w, eb);
    filewriter_discard(w);
    return err;
}

/* Creates one directory, whose parent exists, and syncs the parent. */
static int
make_dir(const char *path, mode_t mode, struct errbuf *eb)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return filewriter_sync_parent(path, eb);
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
