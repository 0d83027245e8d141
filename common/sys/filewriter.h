/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes a file in portions, whatever its length, so that a reader sees the old file or the new
 * one and never a part of it. Where the file system has files without a name (unnamed.h), nothing
 * is left behind if the process is killed before the commit. Elsewhere it leaves a file in the same
 * directory, named ".sprat-" and 16 hexadecimal digits, which may be deleted. file_write() in
 * file.h is for content that is in memory. Messages name the file and the cause.
 */
#ifndef COMMON_SYS_FILEWRITER_H
#define COMMON_SYS_FILEWRITER_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/err.h"

/* The treatment of a regular file that exists at the path. */
enum file_existing {
    FILE_KEEP,    /* its existence is an error */
    FILE_REPLACE, /* the file is replaced, and its mode and owner are kept */
};

struct filewriter;

/* Begins the file that will be |path|. |mode| is for a new file and reduced by the umask. Only a
 * regular file is ever replaced: a directory, a symbolic link, a device, a pipe or a socket is
 * INVAL, a file under FILE_KEEP is EXISTS. */
int filewriter_open(const char *path, mode_t mode, enum file_existing existing,
                    struct filewriter **out, struct errbuf *eb);

/* Appends a portion. After an error only filewriter_discard() is legal. */
int filewriter_put(struct filewriter *w, const void *data, size_t len, struct errbuf *eb);

/* Syncs the file, gives it its name, and syncs the directory. Frees |w|, also after an error, which
 * leaves the old file unless only the sync of the directory failed. */
int filewriter_commit(struct filewriter *w, struct errbuf *eb);

/* Deletes what was written, and frees |w|. NULL is legal. */
void filewriter_discard(struct filewriter *w);

/* Syncs the directory of |path|, so that a new name in it survives a power failure. */
int filewriter_sync_parent(const char *path, struct errbuf *eb);

#endif
