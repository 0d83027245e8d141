/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Computes the SHA-1 of pieces while their blocks arrive. It keeps a bounded set of unfinished
 * hashes: blocks that arrive in order are hashed from memory, and blocks that arrived out of order
 * are read back once the gap before them is closed. Belongs to one worker, reads through a
 * callback, writes nothing.
 */
#ifndef PEER_STORE_WARMHASH_H
#define PEER_STORE_WARMHASH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct warmhash;

/* The key of an unfinished hash: one piece of one storage. */
struct warmhash_key {
    const void *owner;
    uint32_t piece;
    uint32_t span; /* bytes of the piece that the hash covers */
};

/* Reads bytes of the piece that were written before; bytes that no file stores read as zeros. */
typedef int (*warmhash_read_fn)(void *ctx, uint32_t begin, uint32_t len, uint8_t *dst,
                                struct errbuf *eb);

struct warmhash_reader {
    warmhash_read_fn read;
    void *ctx;
    uint8_t *scratch; /* |scratch_len| bytes */
    uint32_t scratch_len;
};

/* Keeps at most |pieces_max| unfinished hashes; the least recently used one is dropped for a new
 * one, and its piece is read back completely later. NULL when memory is out. */
struct warmhash *warmhash_new(uint32_t pieces_max);
void warmhash_free(struct warmhash *h);

/* Adds a written block to the piece's hash. |data| NULL: the bytes are read through |r|. Errors are
 * ignored: warmhash_final() hashes the rest. */
void warmhash_on_write(struct warmhash *h, const struct warmhash_key *key, uint32_t begin,
                       const uint8_t *data, uint32_t len, const struct warmhash_reader *r);

/* Reads and hashes the missing bytes, gives the digest and forgets the piece. The reader's error,
 * or NOMEM. */
int warmhash_final(struct warmhash *h, const struct warmhash_key *key,
                   const struct warmhash_reader *r, uint8_t out[20], struct errbuf *eb);

/* Forgets one piece of |owner|, or all pieces with UINT32_MAX. */
void warmhash_forget(struct warmhash *h, const void *owner, uint32_t piece);

#endif
