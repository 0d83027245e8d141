/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A new file that gets its name only when its content is whole. Where the file system can
 * (O_TMPFILE), the file has no name at all until then, and a crash leaves nothing. Elsewhere
 * (exFAT, NFS, some FUSE file systems) it has a random name that was made with O_EXCL, so that it
 * is never a name of anybody else; a crash then leaves a file ".sprat-" and 32 hexadecimal digits,
 * which may be removed.
 */
#ifndef PEER_STORE_TEMPFILE_H
#define PEER_STORE_TEMPFILE_H

#include <sys/types.h>

#include "common/base/err.h"

enum { TEMPFILE_NAME_MAX = 48 };

/* Embedded; private but for |fd|. */
struct tempfile {
    int fd; /* open for reading and writing; -1: there is none */
    int dir;
    char name[TEMPFILE_NAME_MAX]; /* in |dir|; empty: it has none */
};

void tempfile_init(struct tempfile *t);

/* Makes one in the directory that holds |rel| below |dir| (safepath.h), and the directories on the
 * way. */
int tempfile_open(struct tempfile *t, const char *dir, const char *rel, mode_t perm,
                  struct errbuf *eb);

/* Gives it the name |rel|, in the directory that tempfile_open() was told, and closes it. EXISTS if
 * anything is there: that stays as it is. After an error the file is still open. */
int tempfile_place(struct tempfile *t, const char *dir, const char *rel, struct errbuf *eb);

/* Closes and removes it. Without one it does nothing. */
void tempfile_discard(struct tempfile *t);

#endif
