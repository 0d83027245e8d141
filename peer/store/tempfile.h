/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A temporary file that gets its name when its content is complete. Where the file system supports
 * O_TMPFILE, the file has no name until then, and a crash leaves nothing behind. Elsewhere (exFAT,
 * NFS, some FUSE file systems) the file has a random name and is created with O_EXCL, so it never
 * replaces another file; a crash leaves a file ".sprat-" plus 32 hexadecimal digits, which may be
 * deleted.
 */
#ifndef PEER_STORE_TEMPFILE_H
#define PEER_STORE_TEMPFILE_H

#include <sys/types.h>

#include "common/base/err.h"

enum { TEMPFILE_NAME_MAX = 48 };

/* Embedded; private but for |fd|. */
struct tempfile {
    int fd; /* open for reading and writing; -1: no file */
    int dir;
    char name[TEMPFILE_NAME_MAX]; /* name in |dir|; empty: the file has no name */
};

void tempfile_init(struct tempfile *t);

/* Creates a temporary file in the directory of |rel| below |dir| (safepath.h), and missing
 * directories. */
int tempfile_open(struct tempfile *t, const char *dir, const char *rel, mode_t perm,
                  struct errbuf *eb);

/* Gives the file the name |rel|, in the directory that tempfile_open() was given, and closes it.
 * EXISTS if the name is taken; the other file stays unchanged. After an error the temporary file is
 * still open. */
int tempfile_place(struct tempfile *t, const char *dir, const char *rel, struct errbuf *eb);

/* Closes and deletes the file. Without an open file it does nothing. */
void tempfile_discard(struct tempfile *t);

#endif
