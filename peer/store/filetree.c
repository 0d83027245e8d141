/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes ranges of a torrent's files. Ranges of unwanted files lie in the part file.
 */
#include "peer/store/filetree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sys/pagecache.h"

int
filetree_init(struct filetree *t, struct openfiles *open, struct claims *claims,
              const struct metainfo *mi, const char *dir, bool writable, const uint8_t *selection)
{
    *t = (struct filetree){
        .open = open, .claims = claims, .mi = mi, .writable = writable, .dir = strdup(dir)};
    if (t->dir == NULL || parts_init(&t->parts, mi, selection) != 0) {
        free(t->dir);
        return SPRAT_E_NOMEM;
    }
    lock_init(&t->lock);
    lock_init(&t->opening);
    return 0;
}

void
filetree_fini(struct filetree *t)
{
    openfiles_forget(t->open, t, SIZE_MAX);
    if (t->claims != NULL)
        claims_drop(t->claims, t, SIZE_MAX);
    lock_fini(&t->lock);
    lock_fini(&t->opening);
    filetree_fini_names(t);
    parts_fini(&t->parts);
    free(t->files);
    free(t->dir);
    free(t->dirs_before);
}

/* Converts a file and an offset to the part file and the offset there, if the file's data lies in
 * the part file. False if such data is not stored anywhere. */
static bool
find_home(const struct filetree *t, size_t *file, uint64_t *offset)
{
    if (!parts_holds(&t->parts, *file))
        return true;
    if (!parts_locate(&t->parts, *file, *offset, offset))
        return false;
    *file = t->mi->file_count;
    return true;
}

static int
fail_homeless(const struct filetree *t, size_t file, struct errbuf *eb)
{
    return errbuf_set(eb, SPRAT_E_NOENT, "%s/%s is not wanted", t->dir, filetree_path(t, file));
}

/* Marks a write as under way before it starts, so that it is not taken for a change by another
 * program. */
static int
begin_write(struct filetree *t, size_t file, struct errbuf *eb)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL) {
        m->writers++;
        m->dirty = true;
        m->written = true;
    }
    lock_drop(&t->lock);
    return m != NULL ? 0 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

static void
end_write(struct filetree *t, size_t file)
{
    lock_take(&t->lock);
    t->files[file].writers--;
    lock_drop(&t->lock);
}

/* Drops |n| written bytes from the front of |iov|. */
static void
advance(struct iovec **iov, int *iovcnt, size_t n)
{
    while (*iovcnt > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        (*iovcnt)--;
    }
    if (*iovcnt > 0) {
        (*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
}

/* Returns 0 or an errno. */
static int
write_fully(int fd, uint64_t offset, struct iovec *iov, int iovcnt)
{
    while (iovcnt > 0) {
        ssize_t n = pwritev(fd, iov, iovcnt, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return EIO;
        offset += (uint64_t)n;
        advance(&iov, &iovcnt, (size_t)n);
    }
    return 0;
}

int
filetree_write_itself(struct filetree *t, size_t file, uint64_t offset, struct iovec *iov,
                      int iovcnt, struct errbuf *eb)
{
    struct openfile *f;
    int e, err = filetree_open(t, file, true, &f, eb);

    if (err != 0)
        return err;
    err = begin_write(t, file, eb);
    if (err == 0) {
        e = write_fully(openfile_fd(f), offset, iov, iovcnt);
        end_write(t, file);
        if (e != 0)
            err = filetree_fail(t, file, e == EFBIG ? ENOSPC : e, "write", eb);
    }
    openfiles_drop(t->open, f);
    return err;
}

int
filetree_write(struct filetree *t, size_t file, uint64_t offset, struct iovec *iov, int iovcnt,
               struct errbuf *eb)
{
    if (!find_home(t, &file, &offset))
        return fail_homeless(t, file, eb);
    return filetree_write_itself(t, file, offset, iov, iovcnt, eb);
}

int
filetree_cut(struct filetree *t, size_t file, struct errbuf *eb)
{
    uint64_t length = t->mi->files[file].length;
    struct openfile *f;
    struct stat st;
    int err = filetree_open(t, file, true, &f, eb);

    if (err != 0)
        return err;
    err = begin_write(t, file, eb);
    if (err == 0) {
        if (fstat(openfile_fd(f), &st) != 0 ||
            ((uint64_t)st.st_size > length && ftruncate(openfile_fd(f), (off_t)length) != 0))
            err = filetree_fail(t, file, errno, "cut", eb);
        end_write(t, file);
    }
    openfiles_drop(t->open, f);
    return err;
}

struct openfile *
filetree_lend(struct filetree *t, size_t file, uint64_t offset, size_t len, bool sure)
{
    struct openfile *f = NULL;

    /* Reads of a part file are rare, and its ranges end elsewhere than those of the files. */
    if (!parts_holds(&t->parts, file) && filetree_may_lend(t, file))
        f = openfiles_get(t->open, t, file, false);

    if (f != NULL && !sure && !pagecache_has(openfile_fd(f), offset, len)) {
        openfiles_drop(t->open, f);
        return NULL;
    }
    return f;
}

static int
read_fully(struct filetree *t, size_t file, int fd, uint64_t offset, uint8_t *dst, size_t len,
           struct errbuf *eb)
{
    while (len > 0) {
        ssize_t n = pread(fd, dst, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return filetree_fail(t, file, errno, "read", eb);
        if (n == 0)
            return errbuf_set(eb, SPRAT_E_SHORT, "%s/%s is shorter than it should be", t->dir,
                              filetree_path(t, file));
        dst += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int
read_once(struct filetree *t, size_t file, uint64_t offset, void *dst, size_t len, bool look,
          struct errbuf *eb)
{
    struct openfile *f;
    int err = filetree_open(t, file, false, &f, eb);

    if (err != 0)
        return err;
    if (look)
        err = filetree_look_at(t, file, openfile_fd(f), eb);
    if (err == 0)
        err = read_fully(t, file, openfile_fd(f), offset, dst, len, eb);
    openfiles_drop(t->open, f);
    return err;
}

int
filetree_read(struct filetree *t, size_t file, uint64_t offset, void *dst, size_t len,
              struct errbuf *eb)
{
    uint32_t moves;
    bool look;
    int err;

    if (!find_home(t, &file, &offset))
        return fail_homeless(t, file, eb);
    lock_take(&t->lock);
    err = filetree_may_read(t, file, &look);
    moves = t->moves;
    lock_drop(&t->lock);
    if (err != 0)
        return filetree_fail_distrusted(t, file, err, eb);
    err = read_once(t, file, offset, dst, len, look, eb);
    if (err != 0 && filetree_was_moved(t, file, moves))
        err = read_once(t, file, offset, dst, len, true, eb);
    return err;
}

void
filetree_will_need(struct filetree *t, size_t file, uint64_t offset, uint64_t len)
{
    struct openfile *f;

    if (!find_home(t, &file, &offset) || filetree_open(t, file, false, &f, NULL) != 0)
        return;
    (void)posix_fadvise(openfile_fd(f), (off_t)offset, (off_t)len, POSIX_FADV_WILLNEED);
    openfiles_drop(t->open, f);
}

bool
filetree_is_hole(struct filetree *t, size_t file, uint64_t offset, uint64_t len)
{
    struct openfile *f;
    off_t data;

    if (!find_home(t, &file, &offset) || filetree_open(t, file, false, &f, NULL) != 0)
        return false;
    errno = 0;
    data = lseek(openfile_fd(f), (off_t)offset, SEEK_DATA);
    bool beyond = data < 0 && errno == ENXIO; /* no data up to the end */
    off_t end = beyond ? lseek(openfile_fd(f), 0, SEEK_END) : 0;
    openfiles_drop(t->open, f);
    if (beyond)
        return end >= 0 && (uint64_t)end >= offset + len;
    return data >= 0 && (uint64_t)data >= offset + len;
}
