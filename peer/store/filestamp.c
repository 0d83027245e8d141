/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares a torrent's files with their stamps: at a look, and at most every FILETREE_LOOK_MS while
 * a file is read. A file that was changed or removed by another program is distrusted until the
 * next look. The mutex |lock| guards the stamps; it is not held during I/O.
 */
#include <errno.h>
#include <sys/stat.h>

#include "common/base/assert.h"
#include "common/sys/clock.h"
#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

int
filetree_may_read(struct filetree *t, size_t file, bool *look)
{
    struct filetree_file *m = filetree_memory(t, file);
    int64_t now = clock_mono().us;

    *look = false;
    if (m == NULL)
        return SPRAT_E_NOMEM;
    if (m->failed == 0 && (m->looked_us == 0 || now - m->looked_us >= FILETREE_LOOK_MS * 1000)) {
        m->looked_us = now;
        *look = true;
    }
    return m->failed;
}

bool
filetree_may_lend(struct filetree *t, size_t file)
{
    const struct filetree_file *m;
    bool ok = false;

    if (!lock_try(&t->lock))
        return false;
    m = t->files != NULL ? &t->files[file] : NULL;
    if (m != NULL)
        ok = m->failed == 0 && m->looked_us != 0 &&
             clock_mono().us - m->looked_us < FILETREE_LOOK_MS * 1000;
    lock_drop(&t->lock);
    return ok;
}

enum { COMPARE_TRIES = 4 };

/* What decides how a file is compared. */
struct compared {
    struct storage_stamp stamp;
    bool writing; /* the file is being written, or was written since the last sync */
};

/* False when memory is out. */
static bool
read_compared(struct filetree *t, size_t file, struct compared *out)
{
    const struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL)
        *out = (struct compared){.stamp = m->stamp,
                                 .writing = m->dirty || m->writers > 0 || m->syncs > 0};
    lock_drop(&t->lock);
    return m != NULL;
}

static bool
is_same(const struct compared *a, const struct compared *b)
{
    return a->writing == b->writing && a->stamp.known == b->stamp.known &&
           (!a->stamp.known || stamp_equal(&a->stamp, &b->stamp));
}

/* Keeps the first stamp that is taken of a file. */
static void
keep_stamp(struct filetree *t, size_t file, const struct storage_stamp *now)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL && !m->stamp.known)
        m->stamp = *now;
    lock_drop(&t->lock);
}

/* Compares the open file with its stamp. Loops take the lock too, so it is not held during fstat(),
 * which can take long: if a write begins or ends meanwhile, the file is looked at again. Of a file
 * that is being written only the identity is compared. */
static int
compare_stamp(struct filetree *t, size_t file, int fd, struct stat *st)
{
    struct compared before, after;
    struct storage_stamp now;
    int tries = 0;

    if (!read_compared(t, file, &after))
        return ENOMEM;
    do {
        before = after;
        if (fstat(fd, st) != 0)
            return errno;
        if (!read_compared(t, file, &after))
            return ENOMEM;
    } while (!is_same(&before, &after) && ++tries < COMPARE_TRIES);
    now = stamp_of(st);
    if (!after.stamp.known)
        keep_stamp(t, file, &now);
    else if (now.inode != after.stamp.inode)
        return ESTALE;
    else if (tries < COMPARE_TRIES && !after.writing &&
             (now.size != after.stamp.size || now.mtime_ns != after.stamp.mtime_ns))
        return ESTALE;
    return 0;
}

int
filetree_look_at(struct filetree *t, size_t file, int fd, struct errbuf *eb)
{
    struct stat by_fd, by_name;
    int e = compare_stamp(t, file, fd, &by_fd);
    int err;

    if (e == ESTALE)
        return filetree_distrust(t, file, SPRAT_E_CHANGED, eb);
    if (e != 0)
        return filetree_fail(t, file, e, "look at", eb);
    err = filetree_stat_named(t, file, &by_name, eb);
    if (err == SPRAT_E_NOENT)
        return filetree_distrust(t, file, err, eb);
    if (err == 0 && (by_name.st_ino != by_fd.st_ino || by_name.st_dev != by_fd.st_dev))
        return filetree_distrust(t, file, SPRAT_E_CHANGED, eb);
    return err;
}

void
filetree_mark(struct filetree *t, size_t file)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL) {
        m->dirty = true;
        m->written = true;
    }
    lock_drop(&t->lock);
}

/* True for a symbolic link of the torrent itself (BEP 47). */
static bool
is_symlink(const struct filetree *t, size_t file)
{
    return file < t->mi->file_count && (t->mi->files[file].attr & ATTR_SYMLINK) != 0;
}

static bool
is_right_kind(const struct filetree *t, size_t file, const struct stat *st)
{
    return is_symlink(t, file) ? S_ISLNK(st->st_mode) : S_ISREG(st->st_mode);
}

int
filetree_look(struct filetree *t, size_t file, struct storage_stamp *out, struct errbuf *eb)
{
    struct storage_stamp s = {.known = false};
    struct filetree_file *m;
    struct stat st;
    bool lost = false;
    int err = is_symlink(t, file) ? safepath_find_link(t->dir, filetree_path(t, file), &st, eb)
                                  : filetree_find(t, file, &st, eb);

    if (err == 0 && !is_right_kind(t, file, &st))
        err = errbuf_set(eb, SPRAT_E_EXISTS, "%s/%s is another kind of file", t->dir,
                         filetree_path(t, file));
    if (err == 0)
        s = stamp_of(&st);
    openfiles_forget(t->open, t, file);
    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL) {
        lost = m->claimed && (!s.known || s.inode != m->inode);
        m->claimed = m->claimed && !lost;
        m->stamp = s;
        m->found = s.known;
        m->inode = s.inode;
        m->failed = 0;
        m->looked_us = 0;
    }
    lock_drop(&t->lock);
    if (lost)
        claims_drop(t->claims, t, file);
    if (out != NULL)
        *out = s;
    return m != NULL ? err : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

int
filetree_peek(struct filetree *t, size_t file, struct errbuf *eb)
{
    struct storage_stamp then, now;
    struct stat st;
    bool ours;
    int err = safepath_find(t->dir, filetree_path(t, file), &st, eb);

    lock_take(&t->lock);
    then = t->files != NULL ? t->files[file].stamp : (struct storage_stamp){.known = false};
    ours = t->files != NULL &&
           (t->files[file].dirty || t->files[file].writers > 0 || t->files[file].syncs > 0);
    lock_drop(&t->lock);
    if (err == SPRAT_E_NOENT)
        return then.known || filetree_has_workname(t, file) ? 0 : err;
    if (err != 0)
        return err;
    now = stamp_of(&st);
    if (then.known && now.inode != then.inode)
        return 0;
    return ours || (then.known && now.size == then.size && now.mtime_ns == then.mtime_ns)
               ? SPRAT_E_AGAIN
               : 0;
}

int
filetree_peek_all(struct filetree *t)
{
    for (size_t i = 0; i < t->mi->file_count; i++) {
        const struct metainfo_file *f = &t->mi->files[i];

        if ((f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0 && f->length > 0 &&
            filetree_peek(t, i, NULL) == 0)
            return 0;
    }
    return SPRAT_E_AGAIN;
}

bool
filetree_is_there(struct filetree *t, size_t file)
{
    bool there;

    lock_take(&t->lock);
    there = t->files != NULL && (t->files[file].found || t->files[file].claimed);
    lock_drop(&t->lock);
    return there;
}

struct storage_stamp
filetree_get_stamp(struct filetree *t, size_t file)
{
    struct storage_stamp s = {.known = false};

    lock_take(&t->lock);
    if (t->files != NULL)
        s = t->files[file].stamp;
    lock_drop(&t->lock);
    return s;
}

size_t
filetree_take_written(struct filetree *t, uint32_t *files, size_t max)
{
    size_t n = 0;

    lock_take(&t->lock);
    for (size_t i = 0; t->files != NULL && i <= t->mi->file_count && n < max; i++) {
        if (t->files[i].written) {
            t->files[i].written = false;
            files[n++] = (uint32_t)i;
        }
    }
    lock_drop(&t->lock);
    return n;
}

void
filetree_move_in(struct filetree *t, char *dir, const struct storage_stamp *stamps)
{
    ASSERT(t->dirs_before == NULL);
    lock_take(&t->lock);
    for (size_t i = 0; i < t->mi->file_count; i++) {
        struct filetree_file *m = filetree_memory(t, i);
        if (m == NULL)
            break;
        m->stamp = stamps[i];
        m->found = stamps[i].known;
        m->inode = stamps[i].inode;
        m->looked_us = 0;
        m->failed = 0;
    }
    t->dirs_before = t->dir;
    t->dir = dir;
    t->moves++;
    lock_drop(&t->lock);
    openfiles_forget(t->open, t, SIZE_MAX);
}

bool
filetree_was_moved(struct filetree *t, size_t file, uint32_t moves)
{
    bool moved;

    lock_take(&t->lock);
    moved = t->moves != moves;
    if (moved && t->files != NULL)
        t->files[file].failed = 0;
    lock_drop(&t->lock);
    return moved;
}
