/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Prepares the directory and the disk space of a torrent before the download. Preallocated space
 * does not change the size of a file, so unwritten parts do not look written.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/sys/file.h"
#include "common/sys/writable.h"
#include "peer/store/filetree.h"
#include "peer/store/safepath.h"
#include "peer/store/storage.h"

enum { STAT_BLOCK = 512, MIB_SHIFT = 20 };

static bool
needs_room(const struct filetree *t, size_t file)
{
    const struct metainfo_file *f = &t->mi->files[file];

    return parts_wants(&t->parts, file) && !parts_holds(&t->parts, file) && f->length > 0 &&
           (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

/* The bytes of the file for which no disk space is allocated yet. */
static int
lacking(struct filetree *t, size_t file, uint64_t *out, struct errbuf *eb)
{
    const struct metainfo_file *f = &t->mi->files[file];
    struct stat st = {.st_blocks = 0};
    int err = safepath_stat(t->dir, filetree_path(t, file), &st, eb);
    uint64_t has;

    if (err != 0 && err != SPRAT_E_NOENT)
        return err;
    has = (uint64_t)st.st_blocks * STAT_BLOCK;
    *out = has < f->length ? f->length - has : 0;
    return 0;
}

/* The bytes of the file in missing pieces. */
static uint64_t
not_had(const struct filetree *t, size_t file, const struct bitfield *have)
{
    const struct metainfo_file *f = &t->mi->files[file];
    uint64_t size = t->mi->piece_length, end = f->offset + f->length, sum = 0;

    for (uint64_t at = f->offset, next; at < end; at = next) {
        next = (at / size + 1) * size;
        next = next < end ? next : end;
        if (!bitfield_get(have, (uint32_t)(at / size)))
            sum += next - at;
    }
    return sum;
}

/* Looks at the file system of the save directory: unknown if it reports no numbers, as some network
 * file systems do. */
static int
measure(const struct filetree *t, struct storage_room *room, struct errbuf *eb)
{
    struct statvfs vfs;
    struct stat st;

    if (stat(t->dir, &st) != 0 || statvfs(t->dir, &vfs) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "can't look at %s: %s", t->dir,
                          strerror(errno));
    room->known = vfs.f_blocks > 0;
    room->device = st.st_dev;
    room->free = (uint64_t)(geteuid() == 0 ? vfs.f_bfree : vfs.f_bavail) * vfs.f_frsize;
    return 0;
}

/* A file needs the bytes of its missing pieces, minus the disk space that is allocated for them
 * already. A preallocated file needs none, and neither does a complete and compressed one. */
static int
find_need(struct filetree *t, const struct bitfield *have, struct storage_room *room,
          struct errbuf *eb)
{
    int err = 0;

    room->need = 0;
    for (size_t i = 0; i < t->mi->file_count && err == 0; i++) {
        uint64_t missing, part = 0;

        if (!needs_room(t, i) || (missing = not_had(t, i, have)) == 0)
            continue;
        err = lacking(t, i, &part, eb);
        room->need += part < missing ? part : missing;
    }
    return err;
}

/* The error comes before any space is allocated, since a full disk harms other programs. */
static int
check_room(struct filetree *t, struct errbuf *eb)
{
    struct storage_room room = {.known = false};
    uint64_t need = 0, part = 0;
    int err = measure(t, &room, eb);

    for (size_t i = 0; i < t->mi->file_count && err == 0; i++) {
        if (!needs_room(t, i))
            continue;
        err = lacking(t, i, &part, eb);
        need += part;
    }
    if (err != 0 || !room.known || need <= room.free)
        return err;
    return errbuf_set(eb, SPRAT_E_NOSPACE,
                      "no space for %s in %s: %llu MiB more are needed, %llu MiB are free",
                      t->mi->name, t->dir, (unsigned long long)(need >> MIB_SHIFT) + 1,
                      (unsigned long long)(room.free >> MIB_SHIFT));
}

static bool
all_there(const char *dir, const struct metainfo *mi)
{
    struct stat st;

    for (size_t i = 0; i < mi->file_count; i++)
        if (mi->files[i].length > 0 && (mi->files[i].attr & (ATTR_PAD | ATTR_SYMLINK)) == 0 &&
            (safepath_stat(dir, mi->files[i].path, &st, NULL) != 0 ||
             (uint64_t)st.st_size != mi->files[i].length))
            return false;
    return true;
}

int
storage_try_dir(const char *dir, const struct metainfo *mi, struct errbuf *eb)
{
    return all_there(dir, mi) ? 0 : writable_dir(dir, eb);
}

int
filetree_find_room(struct filetree *t, const struct bitfield *have, struct storage_room *room,
                   struct errbuf *eb)
{
    int err = file_make_dirs(t->dir, 0777, eb);

    *room = (struct storage_room){.known = false};
    if (err == 0)
        err = measure(t, room, eb);
    return err == 0 ? find_need(t, have, room, eb) : err;
}

/* Frees the space that was reserved beyond the file's end. */
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
    /* A file system without preallocation is no error: the space was free when it was checked. */
    if (e == EOPNOTSUPP || e == ENOSYS || e == EINTR)
        e = 0;
    if (e != 0) {
        give_back(fd);
        err = errbuf_set(eb, e == EFBIG ? SPRAT_E_NOSPACE : sprat_err_from_errno(e),
                         "can't reserve disk space for %s/%s: %s", t->dir, filetree_path(t, file),
                         strerror(e));
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
