/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a torrent's tree remembers of each file, the messages of failures, and the distrust of a
 * file that another program changed. All other files of the tree may call these functions.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/store/filetree.h"

struct filetree_file *
filetree_memory(struct filetree *t, size_t file)
{
    if (t->files == NULL)
        t->files = calloc(t->mi->file_count + 1, sizeof(*t->files));
    return t->files != NULL ? &t->files[file] : NULL;
}

int
filetree_fail(const struct filetree *t, size_t file, int e, const char *doing, struct errbuf *eb)
{
    return errbuf_set(eb, sprat_err_from_errno(e), "can't %s %s/%s: %s", doing, t->dir,
                      filetree_path(t, file), strerror(e));
}

int
filetree_fail_distrusted(const struct filetree *t, size_t file, int err, struct errbuf *eb)
{
    return errbuf_set(eb, err, "%s/%s %s", t->dir, filetree_path(t, file),
                      err == SPRAT_E_NOENT ? "is gone" : "was changed by another program");
}

int
filetree_distrust(struct filetree *t, size_t file, int err, struct errbuf *eb)
{
    lock_take(&t->lock);
    if (t->files != NULL)
        t->files[file].failed = err;
    lock_drop(&t->lock);
    openfiles_forget(t->open, t, file);
    return filetree_fail_distrusted(t, file, err, eb);
}
