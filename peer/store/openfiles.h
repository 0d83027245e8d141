/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The open-file cache that all torrents of a process share: descriptors by (owner, file, mode),
 * the least recently used closed when there are too many. Thread-safe. It neither opens nor
 * knows paths.
 */
#ifndef PEER_STORE_OPENFILES_H
#define PEER_STORE_OPENFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct claims;
struct openfiles;
struct openfile;

/* Keeps at most |max| descriptors that nobody holds. Before it closes one that openfiles_put() took
 * with a ticket, it calls claims_close() of |claims|, which outlives it; NULL: there are no claims.
 * NULL when memory is out. */
struct openfiles *openfiles_new(uint32_t max, struct claims *claims);

/* Nothing may be held (asserted). NULL is legal. */
void openfiles_free(struct openfiles *of);

/* A held descriptor, or NULL if it is not open. |write|: must be open for writing; else either
 * does. */
struct openfile *openfiles_get(struct openfiles *of, const void *owner, size_t file, bool write);

/* Takes |fd| and returns it held; when another thread was faster, |fd| is closed and that one's is
 * returned. NULL when memory is out: |fd| is closed. |ticket|: what claims_write() gave,
 * 0 for a reader. */
struct openfile *openfiles_put(struct openfiles *of, const void *owner, size_t file, bool write,
                               int fd, uint64_t ticket);

/* Calls |each| for every descriptor of |owner|'s |file| that is open for reading only. */
void openfiles_each_reader(struct openfiles *of, const void *owner, size_t file,
                           void (*each)(int fd));

int openfile_fd(const struct openfile *f);
void openfiles_drop(struct openfiles *of, struct openfile *f);

/* Closes what is open of |owner| (one |file| of it, or all with SIZE_MAX) as soon as nobody
 * holds it, and does not give it out again. */
void openfiles_forget(struct openfiles *of, const void *owner, size_t file);

#endif
