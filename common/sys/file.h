/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole files and directories: read with a limit, write so that a reader sees the old or the new
 * content and never half of it, make directories. Sentences name the file and the cause.
 */
#ifndef COMMON_SYS_FILE_H
#define COMMON_SYS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/err.h"

/* Reads a regular file of at most |max| bytes. |*data| is to be freed; one NUL stands behind its
 * |*len| bytes. NOENT, ACCESS, TOOBIG, INVAL (a directory or device), IO, NOMEM. "-" is no special
 * name. */
int file_read(const char *path, size_t max, uint8_t **data, size_t *len, struct errbuf *eb);

/* What becomes of a regular file that is at the path already. */
enum file_existing {
    FILE_KEEP,    /* it is an error */
    FILE_REPLACE, /* it is replaced, and its mode and owner stay */
};

/* Finds out whether file_write() can work, and leaves nothing behind: asked before work that may
 * take hours. Errors as of file_write(). */
int file_try_write(const char *path, enum file_existing existing, struct errbuf *eb);

/* Writes a temporary file beside |path|, syncs it, renames it to |path|, and syncs the directory.
 * |mode| is for a new file, less the umask. Only a regular file is ever replaced: a directory, a
 * symbolic link, a device, a pipe or a socket is INVAL, a file that is to be kept EXISTS. */
int file_write(const char *path, const void *data, size_t len, mode_t mode,
               enum file_existing existing, struct errbuf *eb);

/* mkdir -p. What exists already keeps its mode. INVAL if something else stands in its place. */
int file_make_dirs(const char *path, mode_t mode, struct errbuf *eb);

#endif
