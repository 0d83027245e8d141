/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Incomplete files can have working names (workname.h). Each look finds out which of its two names
 * a file has. One rename() that replaces nothing gives the final name, so a kill at any moment
 * leaves one of the two names. The mutex |opening| is held during the rename, so that a thread that
 * opens the file by its name finds it.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

int
filetree_use_worknames(struct filetree *t, enum workname_use use)
{
    int err;

    t->use = use;
    if (use == WORKNAME_NONE)
        return 0;
    err = worknames_init(&t->rule, t->mi);
    if (err == 0 && (t->names = calloc(t->mi->file_count + 1, sizeof(*t->names))) == NULL)
        err = SPRAT_E_NOMEM;
    return err;
}

void
filetree_fini_names(struct filetree *t)
{
    for (size_t i = 0; t->names != NULL && i < t->mi->file_count; i++)
        free(atomic_load(&t->names[i]));
    free(t->names);
    worknames_fini(&t->rule);
}

void
filetree_leave_workname(struct filetree *t, size_t file)
{
    struct filetree_name *n = t->names != NULL ? atomic_load(&t->names[file]) : NULL;

    if (n != NULL && atomic_exchange(&n->stands, false))
        atomic_fetch_sub(&t->working, 1);
}

/* Once allocated, the name is kept: another thread may be reading it. */
static int
enter_workname(struct filetree *t, size_t file, const char *path, struct errbuf *eb)
{
    struct filetree_name *n = atomic_load(&t->names[file]), *none = NULL;

    if (n == NULL) {
        size_t len = strlen(path) + 1;
        struct filetree_name *fresh = calloc(1, sizeof(*fresh) + len);

        if (fresh == NULL)
            return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        memcpy(fresh->path, path, len);
        if (!atomic_compare_exchange_strong(&t->names[file], &none, fresh))
            free(fresh);
        n = atomic_load(&t->names[file]);
    }
    if (!atomic_exchange(&n->stands, true))
        atomic_fetch_add(&t->working, 1);
    return 0;
}

static bool
get_workname(const struct filetree *t, size_t file, char out[WORKNAME_PATH_MAX])
{
    return t->names != NULL && file < t->mi->file_count && worknames_get(&t->rule, file, out);
}

void
filetree_expect(struct filetree *t, size_t file, uint64_t inode)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL)
        m->expected = inode;
    lock_drop(&t->lock);
}

/* The file's inode, if known. */
static uint64_t
inode_of(struct filetree *t, size_t file)
{
    const struct filetree_file *m;
    uint64_t inode;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    inode = m == NULL ? 0 : m->found || m->claimed ? m->inode : m->expected;
    lock_drop(&t->lock);
    return inode;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Handles a file of which both names exist. If they are the same file, a rename was interrupted
 * (safepath_rename): the final name stays. Of two different files, the one with the remembered
 * inode is the torrent's. */
static int
choose_of_two(struct filetree *t, size_t file, const char *work, struct stat *final,
              const struct stat *working, struct errbuf *eb)
{
    struct stat itself;
    int err;

    if (is_same(final, working) && t->writable &&
        safepath_stat(t->dir, work, &itself, NULL) == 0 && S_ISREG(itself.st_mode))
        (void)safepath_unlink(t->dir, work, NULL); /* a symbolic link belongs to the user */
    if (is_same(final, working) || working->st_ino != inode_of(t, file)) {
        filetree_leave_workname(t, file);
        return 0;
    }
    err = enter_workname(t, file, work, eb);
    *final = *working;
    return err != 0 ? err
                    : errbuf_set(eb, SPRAT_E_EXISTS,
                                 "the download of %s/%s stands in %s, and another file has its "
                                 "final name: move that file away, and start the torrent again",
                                 t->dir, t->mi->files[file].path, work);
}

int
filetree_find(struct filetree *t, size_t file, struct stat *st, struct errbuf *eb)
{
    const char *path = file < t->mi->file_count ? t->mi->files[file].path : t->parts.name;
    int err = safepath_find(t->dir, path, st, eb);
    char work[WORKNAME_PATH_MAX];
    struct stat working;

    if (!get_workname(t, file, work))
        return err;
    if (err == 0 && st->st_nlink == 1 && st->st_ino == inode_of(t, file)) {
        filetree_leave_workname(t, file);
        return 0;
    }
    if (safepath_find(t->dir, work, &working, NULL) != 0 || !S_ISREG(working.st_mode)) {
        filetree_leave_workname(t, file);
        return err;
    }
    if (err == 0)
        return choose_of_two(t, file, work, st, &working, eb);
    if (err != SPRAT_E_NOENT) {
        filetree_leave_workname(t, file);
        return err;
    }
    *st = working;
    return enter_workname(t, file, work, eb);
}

int
filetree_stat_named(struct filetree *t, size_t file, struct stat *st, struct errbuf *eb)
{
    const char *path = filetree_path(t, file);
    int err = safepath_find(t->dir, path, st, eb);

    if (err != SPRAT_E_NOENT || t->names == NULL)
        return err;
    lock_take(&t->opening); /* another thread may be renaming the file */
    if (filetree_path(t, file) != path)
        err = safepath_find(t->dir, filetree_path(t, file), st, eb);
    lock_drop(&t->opening);
    return err;
}

bool
filetree_has_workname(const struct filetree *t, size_t file)
{
    char work[WORKNAME_PATH_MAX];
    struct stat st;

    return get_workname(t, file, work) && safepath_stat(t->dir, work, &st, NULL) == 0;
}

int
filetree_choose_name(struct filetree *t, size_t file, struct errbuf *eb)
{
    char work[WORKNAME_PATH_MAX];

    if (t->use != WORKNAME_MAKE || t->tries_names || !get_workname(t, file, work))
        return 0;
    return enter_workname(t, file, work, eb);
}

void
filetree_take_workname(struct filetree *t, size_t file)
{
    char work[WORKNAME_PATH_MAX];

    if (t->use != WORKNAME_MAKE || filetree_is_working(t, file) || !get_workname(t, file, work))
        return;
    lock_take(&t->opening);
    /* Allocated first, so that memory can't be out after the rename. */
    if (enter_workname(t, file, work, NULL) == 0 &&
        safepath_rename(t->dir, t->mi->files[file].path, work, NULL) != 0)
        filetree_leave_workname(t, file);
    lock_drop(&t->opening);
}

/* Renames the file; |opening| must be held. The file with the working name must be the known one.
 */
static int
end_workname(struct filetree *t, size_t file, struct errbuf *eb)
{
    const char *work = filetree_path(t, file), *path = t->mi->files[file].path;
    struct stat working, final;
    int err = safepath_find(t->dir, work, &working, eb);

    if (err == SPRAT_E_NOENT)
        return filetree_distrust(t, file, err, eb);
    if (err != 0)
        return err;
    if (working.st_ino != inode_of(t, file))
        return filetree_distrust(t, file, SPRAT_E_CHANGED, eb);
    if (safepath_find(t->dir, path, &final, NULL) == 0 && is_same(&working, &final))
        err = safepath_unlink(t->dir, work, eb); /* an earlier rename was interrupted */
    else
        err = safepath_rename(t->dir, work, path, eb);
    if (err == SPRAT_E_EXISTS)
        return errbuf_set(eb, err,
                          "%s/%s is complete and can't get its final name, %s/%s, which another "
                          "file has: move that file away, and start the torrent again",
                          t->dir, work, t->dir, path);
    if (err == 0)
        filetree_leave_workname(t, file);
    return err;
}

/* Syncs the directories of renamed files. A final name that is lost in a power failure is given
 * again at the next start, so a failed sync is not repeated. */
static int
sync_final_names(struct filetree *t, const bool *files, struct errbuf *eb)
{
    const char *synced = NULL;
    int err = 0;

    for (size_t i = 0; i < t->mi->file_count && err == 0; i++) {
        const char *path = t->mi->files[i].path;

        if (!files[i] || (synced != NULL && safepath_is_beside(synced, path)))
            continue;
        err = safepath_sync_dirs(t->dir, path, eb);
        synced = path;
    }
    return err;
}

int
filetree_end_worknames(struct filetree *t, bool *files, struct errbuf *eb)
{
    int err, first_err = 0;

    for (size_t i = 0; i < t->mi->file_count; i++) {
        files[i] = files[i] && filetree_is_working(t, i);
        if (!files[i])
            continue;
        lock_take(&t->opening);
        err = end_workname(t, i, first_err == 0 ? eb : NULL);
        lock_drop(&t->opening);
        files[i] = err == 0;
        if (first_err == 0)
            first_err = err;
    }
    err = sync_final_names(t, files, first_err == 0 ? eb : NULL);
    return first_err != 0 ? first_err : err;
}
