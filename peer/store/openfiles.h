/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The cache of open file descriptors that all torrents of a process share. The key is (owner, file,
 * mode); beyond a limit the least recently used descriptor is closed. Thread-safe. The cache knows
 * no paths and opens no files.
 */
#ifndef PEER_STORE_OPENFILES_H
#define PEER_STORE_OPENFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct claims;
struct openfiles;
struct openfile;

/* Creates a cache that keeps at most |max| descriptors without a holder. Before the cache closes a
 * descriptor that was put with a ticket, it calls claims_close() on |claims|, which must outlive
 * the cache; NULL: no claims. NULL when memory is out. */
struct openfiles *openfiles_new(uint32_t max, struct claims *claims);

/* Frees the cache; no descriptor may be held (asserted). NULL is legal. */
void openfiles_free(struct openfiles *of);

/* Returns a held descriptor, or NULL if none is open. With |write| only a descriptor that is open
 * for writing matches; otherwise any does. */
struct openfile *openfiles_get(struct openfiles *of, const void *owner, size_t file, bool write);

/* Puts |fd| into the cache, which owns it from then on, and returns it held. If another thread put
 * a descriptor for the same key first, |fd| is closed and the other descriptor is returned. NULL
 * when memory is out; |fd| is closed. |ticket| comes from claims_write(); 0 for a reader. */
struct openfile *openfiles_put(struct openfiles *of, const void *owner, size_t file, bool write,
                               int fd, uint64_t ticket);

/* Calls |each| for every descriptor of |owner|'s |file| that is open for reading only. */
void openfiles_each_reader(struct openfiles *of, const void *owner, size_t file,
                           void (*each)(int fd));

int openfile_fd(const struct openfile *f);
void openfiles_drop(struct openfiles *of, struct openfile *f);

/* Closes the descriptors of |owner| (of one |file|, or of all files with SIZE_MAX) as soon as they
 * have no holder. openfiles_get() does not return them any more. */
void openfiles_forget(struct openfiles *of, const void *owner, size_t file);

#endif
