/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-1 of pieces while they arrive: a bounded set of unfinished hashes, each fed with the
 * blocks that come in order, while those that came out of order are read back once the gap
 * before them is closed. It belongs to one worker and reads through a callback; it writes
 * nothing.
 */
#ifndef PEER_STORE_WARMHASH_H
#define PEER_STORE_WARMHASH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct warmhash;

/* The piece that is meant. */
struct warmhash_key {
    const void *owner;
    uint32_t piece;
    uint32_t span; /* bytes of the piece that the hash covers */
};

/* Reads bytes of the piece that were written before; unstored ones as zeros. */
typedef int (*warmhash_read_fn)(void *ctx, uint32_t begin, uint32_t len, uint8_t *dst,
                                struct errbuf *eb);

struct warmhash_reader {
    warmhash_read_fn read;
    void *ctx;
    uint8_t *scratch; /* |scratch_len| bytes */
    uint32_t scratch_len;
};

/* At most |pieces_max| at a time; the one that rested longest is given up for a new one, and will
 * be read back whole. NULL when memory is out. */
struct warmhash *warmhash_new(uint32_t pieces_max);
void warmhash_free(struct warmhash *h);

/* A block was written. |data| NULL: its bytes can't be taken from memory and are to be read. Errors
 * are forgiven: what could not be done now is done by warmhash_final(). */
void warmhash_on_write(struct warmhash *h, const struct warmhash_key *key, uint32_t begin,
                       const uint8_t *data, uint32_t len, const struct warmhash_reader *r);

/* Reads what is missing, gives the digest and forgets the piece. An error of the reader, or
 * NOMEM. */
int warmhash_final(struct warmhash *h, const struct warmhash_key *key,
                   const struct warmhash_reader *r, uint8_t out[20], struct errbuf *eb);

/* Forgets one piece of |owner|, or all with UINT32_MAX. */
void warmhash_forget(struct warmhash *h, const void *owner, uint32_t piece);

#endif
