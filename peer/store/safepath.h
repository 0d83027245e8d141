/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opening below a save directory without being led out of it: every component is opened relative to
 * its parent, and none may be a symbolic link. The save directory itself was named by the user and
 * may be one.
 *
 * Reading is different: people keep content elsewhere and put links where a torrent wants it
 * (git-annex, a second disk). A symbolic link of the process's own user or of root is followed
 * there. What it leads to is that person's word; nothing is ever written through it.
 */
#ifndef PEER_STORE_SAFEPATH_H
#define PEER_STORE_SAFEPATH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "common/base/err.h"

/* All take the save directory |dir| and a safe relative path |rel| (metainfo.h). Errors are of
 * the LOCAL family or EXISTS (a link, or something else than wanted, stands on the way), and the
 * sentence names the file. */

enum safepath_mode {
    SAFEPATH_READ,   /* follows links of ours */
    SAFEPATH_WRITE,  /* read and write a file that is there */
    SAFEPATH_CREATE, /* read and write a new file: EXISTS if anything is there;
                        directories are made */
    SAFEPATH_EITHER, /* one that is there, or a new one */
};

/* Opens a regular file: |*fd| is to be closed. |perm| is for a new file; |created| (may be NULL)
 * tells if it is. INVAL: the file system does not allow the name. */
int safepath_open(const char *dir, const char *rel, enum safepath_mode mode, mode_t perm, int *fd,
                  bool *created, struct errbuf *eb);

/* Opens the directory that holds |rel|, making it and those on the way: |*fd| is to be closed. */
int safepath_open_parent(const char *dir, const char *rel, int *fd, struct errbuf *eb);

/* Renames |from| to |to| in the open directory |fd|, and never onto anything. 0 or -1 with errno:
 * EEXIST if something is there. */
int safepath_rename_at(int fd, const char *from, const char *to);

/* lstat without following anything. */
int safepath_stat(const char *dir, const char *rel, struct stat *st, struct errbuf *eb);

/* stat of what SAFEPATH_READ opens. EXISTS also for a link that is not followed; NOENT also for one
 * that leads to nothing. */
int safepath_find(const char *dir, const char *rel, struct stat *st, struct errbuf *eb);

/* Makes a symbolic link to |target| (as readlink gives it); one that stands there already is
 * fine. */
int safepath_symlink(const char *dir, const char *rel, const char *target, struct errbuf *eb);

/* Gives the regular file |rel| of |from| the same name in |to|, making directories. AGAIN if these
 * two places can't hold one file; EXISTS if something is there, be it the same file. */
int safepath_link(const char *from, const char *to, const char *rel, struct errbuf *eb);

/* Renames |rel| to |name|, another name in the same directory. EXISTS if something is there: it is
 * never replaced. Only on a file system that has neither RENAME_NOREPLACE nor hard links, a file
 * that comes to be there in the moment of the rename is not seen. A kill can leave both names where
 * there are hard links. */
int safepath_rename(const char *dir, const char *rel, const char *name, struct errbuf *eb);

/* Removes a file or link; 0 if it is not there. EXISTS for a directory. */
int safepath_unlink(const char *dir, const char *rel, struct errbuf *eb);

/* Removes the directories that lead to |rel|, innermost first, as long as they are empty. */
void safepath_prune(const char *dir, const char *rel);

/* True if both relative paths lie in one directory. */
bool safepath_is_beside(const char *a, const char *b);

/* fsync of every directory that leads to |rel|, |dir| included: a new name is in one of them. */
int safepath_sync_dirs(const char *dir, const char *rel, struct errbuf *eb);

#endif
