/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens files below a save directory without ever leaving it: every component is opened relative to
 * its parent, and no component may be a symbolic link. The save directory itself comes from the
 * user and may be a symbolic link.
 *
 * Reading is more liberal: users keep content elsewhere and put links in the save directory
 * (git-annex, a second disk). So for reading, a symbolic link that belongs to the process's own
 * user or to root is followed. Nothing is ever written through a link.
 */
#ifndef PEER_STORE_SAFEPATH_H
#define PEER_STORE_SAFEPATH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "common/base/err.h"

/* All functions take the save directory |dir| and a safe relative path |rel| (metainfo.h). Errors
 * are of the LOCAL family, or EXISTS (a link or another kind of file is in the way), with a message
 * that names the file. */

enum safepath_mode {
    SAFEPATH_READ,   /* follows links of this user or of root */
    SAFEPATH_WRITE,  /* read and write an existing file */
    SAFEPATH_CREATE, /* read and write a new file, creating directories; EXISTS if the name is
                        taken */
    SAFEPATH_EITHER, /* an existing or a new file */
};

/* Opens a regular file; the caller closes |*fd|. |perm| is the mode of a new file; |*created| (may
 * be NULL) says whether the file is new. INVAL: the file system does not allow the name. */
int safepath_open(const char *dir, const char *rel, enum safepath_mode mode, mode_t perm, int *fd,
                  bool *created, struct errbuf *eb);

/* Opens the directory of |rel|, creating it and its parents; the caller closes |*fd|. */
int safepath_open_parent(const char *dir, const char *rel, int *fd, struct errbuf *eb);

/* Renames |from| to |to| in the open directory |fd|, and never replaces a file. 0, or -1 with
 * errno: EEXIST if |to| exists. */
int safepath_rename_at(int fd, const char *from, const char *to);

/* lstat() without following any symbolic link. */
int safepath_stat(const char *dir, const char *rel, struct stat *st, struct errbuf *eb);

/* lstat() of what SAFEPATH_READ would open: only links on the path to |rel| are followed. */
int safepath_find_link(const char *dir, const char *rel, struct stat *st, struct errbuf *eb);

/* stat() of the file that SAFEPATH_READ opens. EXISTS also for a link that is not followed; NOENT
 * also for a link whose target does not exist. */
int safepath_find(const char *dir, const char *rel, struct stat *st, struct errbuf *eb);

/* Creates a symbolic link with the text |target|; an equal link that exists already is fine. */
int safepath_symlink(const char *dir, const char *rel, const char *target, struct errbuf *eb);

/* Hard-links the regular file |rel| of |from| to the same name in |to|, creating directories. AGAIN
 * if no hard link is possible between the two directories; EXISTS if the name is taken, even by the
 * same file. */
int safepath_link(const char *from, const char *to, const char *rel, struct errbuf *eb);

/* Renames |rel| to |name| in the same directory. EXISTS if |name| is taken; a file is never
 * replaced, except one that appears at the moment of the rename on a file system with neither
 * RENAME_NOREPLACE nor hard links. Where hard links stand in for RENAME_NOREPLACE, a kill can leave
 * both names. */
int safepath_rename(const char *dir, const char *rel, const char *name, struct errbuf *eb);

/* Removes a file or link; 0 if it does not exist. EXISTS for a directory. */
int safepath_unlink(const char *dir, const char *rel, struct errbuf *eb);

/* Removes the directories that lead to |rel|, innermost first, as long as they are empty. */
void safepath_prune(const char *dir, const char *rel);

/* True if both relative paths lie in one directory. */
bool safepath_is_beside(const char *a, const char *b);

/* Calls fsync() on every directory from |dir| (included) down to that of |rel|, since each may hold
 * a new name; not on those behind a symbolic link, where no name is ever created. */
int safepath_sync_dirs(const char *dir, const char *rel, struct errbuf *eb);

#endif
