/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Room on the disk for a torrent's files before their bytes come. The files keep their size: what
 * was not written yet does not look as if it had been.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

enum { STAT_BLOCK = 512, MIB_SHIFT = 20 };

static bool
needs_room(const struct filetree *t, size_t file)
{
    const struct metainfo_file *f = &t->mi->files[file];

    return parts_wants(&t->parts, file) && !parts_holds(&t->parts, file) && f->length > 0 && (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

/* Bytes that the file has not got on the disk yet. */
static int
lacking(struct filetree *t, size_t file, uint64_t *out, struct errbuf *eb)
{
    const struct metainfo_file *f = &t->mi->files[file];
    struct stat st = {.st_blocks = 0};
    int err = safepath_stat(t->dir, f->path, &st, eb);
    uint64_t has;

    if (err != 0 && err != SPRAT_E_NOENT)
        return err;
    has = (uint64_t)st.st_blocks * STAT_BLOCK;
    *out = has < f->length ? f->length - has : 0;
    return 0;
}

/* Said before anything is taken: a disk that is filled for nothing harms others. */
static int
check_room(struct filetree *t, struct errbuf *eb)
{
    uint64_t need = 0, avail, part;
    struct statvfs vfs;
    int err;

    for (size_t i = 0; i < t->mi->file_count; i++) {
        if (!needs_room(t, i))
            continue;
        err = lacking(t, i, &part, eb);
        if (err != 0)
            return err;
        need += part;
    }
    if (statvfs(t->dir, &vfs) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't look at %s: %s", t->dir,
                          strerror(errno));
    avail = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    if (need <= avail)
        return 0;
    return errbuf_set(eb, SPRAT_E_NOSPACE,
                      "there is no room for %s in %s: %llu MiB more are needed and %llu are free",
                      t->mi->name, t->dir, (unsigned long long)(need >> MIB_SHIFT) + 1,
                      (unsigned long long)(avail >> MIB_SHIFT));
}

/* What was reserved beyond the file's end is given back. */
static void
give_back(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0)
        (void)!ftruncate(fd, st.st_size);
}

static int
reserve_file(struct filetree *t, size_t file, struct errbuf *eb)
{
    const struct metainfo_file *f = &t->mi->files[file];
    struct openfile *open;
    int fd, e = 0, err = filetree_open(t, file, true, &open, eb);

    if (err != 0)
        return err;
    fd = openfile_fd(open);
    while (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)f->length) != 0)
        if ((e = errno) != EINTR)
            break;
    /* A file system that can't is told nothing: the room was there when we looked. */
    if (e == EOPNOTSUPP || e == ENOSYS || e == EINTR)
        e = 0;
    if (e != 0) {
        give_back(fd);
        err = errbuf_set(eb, e == EFBIG ? SPRAT_E_NOSPACE : sprat_err_from_errno(e),
                         "can't reserve room for %s/%s: %s", t->dir, f->path, strerror(e));
    }
    openfiles_drop(t->open, open);
    return err;
}

int
filetree_reserve(struct filetree *t, struct errbuf *eb)
{
    int err = check_room(t, eb);

    for (size_t i = 0; i < t->mi->file_count && err == 0; i++)
        if (needs_room(t, i))
            err = reserve_file(t, i, eb);
    return err;
}
