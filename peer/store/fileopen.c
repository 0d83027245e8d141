/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens a torrent's files for the cache of open files, and claims those that are opened for
 * writing. The mutex |opening| makes sure that one thread at a time opens, claims and creates
 * files.
 */
#include <stdlib.h>
#include <unistd.h>

#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

static mode_t
file_perm(const struct filetree *t, size_t file)
{
    bool executable = file < t->mi->file_count && (t->mi->files[file].attr & ATTR_EXECUTABLE) != 0;

    return executable ? 0777 : 0666;
}

static struct claimant
claimant_of(struct filetree *t, size_t file)
{
    return (struct claimant){.owner = t,
                             .file = file,
                             .torrent = t->mi->name,
                             .dir = t->dir,
                             .path = filetree_path(t, file)};
}

static int
open_to_read(struct filetree *t, size_t file, int *fd, struct errbuf *eb)
{
    struct claimant who = claimant_of(t, file);
    int err = safepath_open(who.dir, who.path, SAFEPATH_READ, 0, fd, NULL, eb);

    if (err != 0 || t->claims == NULL)
        return err;
    err = claims_read(t->claims, &who, *fd, eb);
    if (err != 0)
        close(*fd);
    return err;
}

/* Creates a file that did not exist at the last look. If it exists now, another program made it. */
static int
make_file(struct filetree *t, const struct claimant *who, int *fd, struct errbuf *eb)
{
    int other, err = safepath_open(who->dir, who->path, SAFEPATH_CREATE, file_perm(t, who->file),
                                   fd, NULL, eb);

    if (err != SPRAT_E_EXISTS ||
        safepath_open(who->dir, who->path, SAFEPATH_READ, 0, &other, NULL, NULL) != 0)
        return err;
    err = claims_explain(t->claims, who, other, eb);
    close(other);
    return err;
}

/* Gives the result of the last look: whether the file is |*known|, and its inode. An error if it
 * was found changed or removed since. */
static int
recall(struct filetree *t, size_t file, bool *known, uint64_t *inode, struct errbuf *eb)
{
    const struct filetree_file *m;
    int err;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    err = m == NULL ? SPRAT_E_NOMEM : m->failed;
    *known = m != NULL && (m->found || m->claimed);
    *inode = *known ? m->inode : 0;
    lock_drop(&t->lock);
    if (err == SPRAT_E_NOMEM)
        return errbuf_set(eb, err, "out of memory");
    return err != 0 ? filetree_fail_distrusted(t, file, err, eb) : 0;
}

static void
set_claimed(struct filetree *t, size_t file, uint64_t inode, bool is_new)
{
    struct filetree_file *m;

    lock_take(&t->lock);
    m = filetree_memory(t, file);
    if (m != NULL) {
        m->claimed = true;
        m->inode = inode;
        if (is_new)
            m->named = false;
    }
    lock_drop(&t->lock);
}

/* Creates a new file under its chosen name. A file system that refuses the working name may still
 * accept the final one. */
static int
make_named_file(struct filetree *t, size_t file, struct claimant *who, int *fd, struct errbuf *eb)
{
    int err = filetree_choose_name(t, file, eb);

    if (err != 0)
        return err;
    *who = claimant_of(t, file);
    err = make_file(t, who, fd, eb);
    if (err == SPRAT_E_INVAL && filetree_is_working(t, file)) {
        filetree_leave_workname(t, file);
        *who = claimant_of(t, file);
        err = make_file(t, who, fd, eb);
    }
    return err;
}

static int
open_to_write(struct filetree *t, size_t file, int *fd, uint64_t *ticket, struct errbuf *eb)
{
    struct claimant who = claimant_of(t, file);
    struct claimed claimed;
    uint64_t expected;
    bool known;
    int err = recall(t, file, &known, &expected, eb);

    if (err != 0)
        return err;
    err = known ? safepath_open(who.dir, who.path, SAFEPATH_WRITE, 0, fd, NULL, eb)
                : make_named_file(t, file, &who, fd, eb);
    if (err == SPRAT_E_NOENT && known)
        return filetree_distrust(t, file, err, eb);
    if (err != 0)
        return err;
    openfiles_each_reader(t->open, t, file, claims_unlock);
    err = claims_write(t->claims, &who, *fd, &claimed, eb);
    if (err == 0 && known && claimed.inode != expected) {
        claims_drop(t->claims, t, file);
        err = SPRAT_E_CHANGED;
    }
    if (err == SPRAT_E_CHANGED)
        err = filetree_distrust(t, file, err, eb);
    if (err != 0) {
        close(*fd);
        return err;
    }
    set_claimed(t, file, claimed.inode, !known);
    *ticket = claimed.ticket;
    return 0;
}

int
filetree_open(struct filetree *t, size_t file, bool write, struct openfile **out, struct errbuf *eb)
{
    uint64_t ticket = 0;
    int fd, err = 0;

    *out = openfiles_get(t->open, t, file, write);
    if (*out != NULL)
        return 0;
    lock_take(&t->opening);
    *out = openfiles_get(t->open, t, file, write);
    if (*out == NULL) {
        err = write ? open_to_write(t, file, &fd, &ticket, eb) : open_to_read(t, file, &fd, eb);
        if (err == 0 && (*out = openfiles_put(t->open, t, file, write, fd, ticket)) == NULL)
            err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    lock_drop(&t->opening);
    return err;
}

void
filetree_release(struct filetree *t)
{
    lock_take(&t->opening);
    lock_take(&t->lock);
    for (size_t i = 0; t->files != NULL && i <= t->mi->file_count; i++) {
        t->files[i].found = t->files[i].found || t->files[i].claimed;
        t->files[i].claimed = false;
    }
    lock_drop(&t->lock);
    openfiles_forget(t->open, t, SIZE_MAX);
    if (t->claims != NULL)
        claims_drop(t->claims, t, SIZE_MAX);
    lock_drop(&t->opening);
}
