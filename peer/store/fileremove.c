/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Deletes a torrent's files and its empty directories.
 */
#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

/* Deletes a file of the torrent; a directory or link with its name stays. */
static int
remove_file(struct filetree *t, size_t file, struct errbuf *eb)
{
    bool is_link = (t->mi->files[file].attr & ATTR_SYMLINK) != 0;
    const char *path;
    struct stat st;
    int err;

    if (!is_link)
        (void)filetree_find(t, file, &st, NULL); /* finds the current name */
    path = filetree_path(t, file);
    err = safepath_stat(t->dir, path, &st, eb);
    if (err == SPRAT_E_NOENT)
        return 0;
    if (err == 0 && (is_link ? !S_ISLNK(st.st_mode) : !S_ISREG(st.st_mode)))
        err = errbuf_set(eb, SPRAT_E_EXISTS, "%s/%s was not removed: it is another kind of file",
                         t->dir, path);
    return err != 0 ? err : safepath_unlink(t->dir, path, eb);
}

int
filetree_remove(struct filetree *t, struct errbuf *eb)
{
    const struct metainfo *mi = t->mi;
    int first_err = 0;

    openfiles_forget(t->open, t, SIZE_MAX);
    first_err = filetree_drop_parts(t, eb);
    for (size_t i = 0; i < mi->file_count; i++) {
        int err = 0;
        if ((mi->files[i].attr & ATTR_PAD) == 0 && !parts_holds(&t->parts, i))
            err = remove_file(t, i, first_err == 0 ? eb : NULL);
        if (first_err == 0)
            first_err = err;
    }
    for (size_t i = mi->file_count; i > 0; i--)
        if ((mi->files[i - 1].attr & ATTR_PAD) == 0)
            safepath_prune(t->dir, mi->files[i - 1].path);
    return first_err;
}
