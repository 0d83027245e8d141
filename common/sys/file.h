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

/* Writes a temporary file beside it, syncs, renames over |path|, syncs the directory. */
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode,
                      struct errbuf *eb);

/* mkdir -p. What exists already keeps its mode. INVAL if something else stands in its place. */
int file_make_dirs(const char *path, mode_t mode, struct errbuf *eb);

#endif
