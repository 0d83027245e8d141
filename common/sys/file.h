/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes whole files, and creates directories. Reading has a size limit; a reader of a
 * written file sees the old or the new content and never a part of it. Messages name the file and
 * the cause.
 */
#ifndef COMMON_SYS_FILE_H
#define COMMON_SYS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/err.h"
#include "common/sys/filewriter.h"

/* Opens a regular file of at most |max| bytes for reading; |*len| is its length. The caller closes
 * |*fd|. NOENT, ACCESS, TOOBIG, INVAL (a directory or device), IO. */
int file_open(const char *path, size_t max, int *fd, size_t *len, struct errbuf *eb);

/* Reads |len| bytes from |offset| on of the open file. SHORT if the file ends before; IO. |path| is
 * for the message. */
int file_read_at(int fd, const char *path, void *buf, size_t len, uint64_t offset,
                 struct errbuf *eb);

/* Reads a regular file of at most |max| bytes. The caller frees |*data|; a NUL follows its |*len|
 * bytes. NOENT, ACCESS, TOOBIG, INVAL (a directory or device), IO, NOMEM. The name "-" has no
 * special meaning. */
int file_read(const char *path, size_t max, uint8_t **data, size_t *len, struct errbuf *eb);

/* file_read() of a password or a key. ACCESS also if every user of the machine may read or write
 * the file. */
int file_read_secret(const char *path, size_t max, uint8_t **data, size_t *len, struct errbuf *eb);

/* file_read_secret() of a file with one secret: what it has between white space, into |out|, with a
 * NUL behind it. |*len| are its bytes. If they don't fit into |size| - 1, |*len| is more than that,
 * and |out| is "". The errors of file_read_secret(), TOOBIG only far beyond |size|. */
int file_read_word(const char *path, char *out, size_t size, size_t *len, struct errbuf *eb);

/* Checks whether file_write() can succeed, and leaves nothing behind: for use before work that may
 * take hours. Errors as of file_write(). */
int file_try_write(const char *path, enum file_existing existing, struct errbuf *eb);

/* Writes a file whose content is in memory: filewriter_open(), filewriter_put() and
 * filewriter_commit(). */
int file_write(const char *path, const void *data, size_t len, mode_t mode,
               enum file_existing existing, struct errbuf *eb);

/* Creates directories like mkdir -p. Existing directories keep their mode. INVAL if a path
 * component is not a directory. */
int file_make_dirs(const char *path, mode_t mode, struct errbuf *eb);

#endif
