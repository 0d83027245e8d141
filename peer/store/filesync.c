/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Syncs a torrent's files (fsync), and the directories that got new names. A sync takes the stamp
 * of each file, and remembers failures: see filetree_sync().
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

/* Detects a file that was removed or replaced while it was open: then the synced file is not the
 * one that has the name. */
static int
check_name(struct filetree *t, size_t file, const struct stat *synced, struct errbuf *eb)
{
    struct stat st;
    int err = filetree_stat_named(t, file, &st, eb);

    if (err == SPRAT_E_NOENT)
        return filetree_distrust(t, file, err, eb);
    if (err == 0 && (st.st_ino != synced->st_ino || st.st_dev != synced->st_dev))
        return filetree_distrust(t, file, SPRAT_E_CHANGED, eb);
    return err;
}

static int
fail_sync(const struct filetree *t, const char *path, struct errbuf *eb)
{
    return errbuf_set(eb, sprat_err_from_errno(errno), "can't sync %s/%s: %s", t->dir, path,
                      strerror(errno));
}

static void
set_doubtful(struct filetree *t)
{
    lock_take(&t->lock);
    t->doubtful = true;
    lock_drop(&t->lock);
}

bool
filetree_is_doubtful(struct filetree *t)
{
    bool doubtful;

    lock_take(&t->lock);
    doubtful = t->doubtful;
    lock_drop(&t->lock);
    return doubtful;
}

/* Opens, stamps and syncs one file. The stamp is taken first, so that the data on disk is never
 * older than the stamp. fsync() is used and not fdatasync(), since the modification time must be
 * stored too. */
static int
sync_file(struct filetree *t, size_t file, struct stat *st, struct errbuf *eb)
{
    const char *path = filetree_path(t, file);
    struct openfile *held = openfiles_get(t->open, t, file, true);
    int fd, err = 0;

    if (held != NULL)
        fd = openfile_fd(held);
    else if ((err = safepath_open(t->dir, path, SAFEPATH_READ, 0, &fd, NULL, eb)) != 0)
        return err;
    if (fstat(fd, st) != 0) {
        err = fail_sync(t, path, eb);
    } else if (fsync(fd) != 0) {
        err = fail_sync(t, path, eb);
        set_doubtful(t);
    }
    if (err == 0)
        err = check_name(t, file, st, eb);
    if (held != NULL)
        openfiles_drop(t->open, held);
    else
        close(fd);
    return err;
}

/* Records the stamp |st| of a synced file, or, if the sync failed (NULL), marks the file as dirty
 * again. */
static void
end_sync(struct filetree *t, size_t file, const struct stat *st)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = &t->files[file];
    m->syncs--;
    if (st == NULL) {
        m->dirty = true;
        m->named = false;
    } else {
        m->stamp = stamp_of(st);
        m->written = true; /* its new stamp must be stored */
    }
    lock_drop(&t->lock);
}

/* Begins the sync of the next dirty file at or after |*from|, and sets |*from| to the file after
 * it. False if there is none. A write under way keeps the file dirty, so that the next sync
 * includes it. A name that an earlier session created but did not sync can't be recognised, so the
 * first sync of each file includes its name. */
static bool
next_dirty(struct filetree *t, size_t *from)
{
    bool found = false;

    lock_take(&t->lock);
    for (; t->files != NULL && *from <= t->mi->file_count && !found; (*from)++) {
        struct filetree_file *m = &t->files[*from];
        if (!m->dirty)
            continue;
        found = true;
        m->dirty = m->writers > 0;
        m->syncs++;
        m->naming = !m->named;
        m->named = true;
    }
    lock_drop(&t->lock);
    return found;
}

/* Finds the next file at or after |*from| whose name must be synced, and sets |*from| to the file
 * after it. False if there is none. */
static bool
next_unsynced_name(struct filetree *t, size_t *from)
{
    bool found = false;

    lock_take(&t->lock);
    for (; t->files != NULL && *from <= t->mi->file_count && !found; (*from)++) {
        found = t->files[*from].naming;
        t->files[*from].naming = false;
    }
    lock_drop(&t->lock);
    return found;
}

/* Marks the file for a complete new sync after the sync of its name failed. */
static void
mark_unsynced(struct filetree *t, size_t file)
{
    lock_take(&t->lock);
    t->files[file].dirty = true;
    t->files[file].named = false;
    lock_drop(&t->lock);
}

/* Syncs the directories of files that are new in this session. This comes after all files were
 * synced, since a file may have been created meanwhile in a directory that was synced already. */
static int
sync_names(struct filetree *t, struct errbuf *eb)
{
    const char *synced_dir = NULL; /* a path in the last synced directory */
    int first_err = 0;

    for (size_t next = 0; next_unsynced_name(t, &next);) {
        const char *path = filetree_path(t, next - 1);
        int err = 0;

        if (synced_dir != NULL && safepath_is_beside(synced_dir, path))
            continue;
        err = safepath_sync_dirs(t->dir, path, first_err == 0 ? eb : NULL);
        if (err == 0)
            synced_dir = path;
        else
            mark_unsynced(t, next - 1);
        if (first_err == 0)
            first_err = err;
    }
    return first_err;
}

int
filetree_sync(struct filetree *t, struct errbuf *eb)
{
    int err, first_err = 0;

    if (filetree_is_doubtful(t))
        return errbuf_set(eb, SPRAT_E_IO, "what was written to %s may be lost: a sync failed",
                          t->dir);
    for (size_t next = 0; next_dirty(t, &next);) {
        struct stat st;

        err = sync_file(t, next - 1, &st, first_err == 0 ? eb : NULL);
        end_sync(t, next - 1, err == 0 ? &st : NULL);
        if (first_err == 0)
            first_err = err;
    }
    err = sync_names(t, first_err == 0 ? eb : NULL);
    return first_err != 0 ? first_err : err;
}
