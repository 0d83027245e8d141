/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pieces that are under way, and the state of each of their blocks. Memory is spent on these
 * only. Those with a FREE block lie first, so that a look for work passes over no others. It does
 * not know which block is asked of whom, nor why.
 */
#ifndef PEER_CORE_PARTIALS_H
#define PEER_CORE_PARTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"

enum {
    PARTIAL_FREE = 0,
    PARTIAL_REQUESTED = 1,       /* by one; in the endgame this plus the others: */
    PARTIAL_REQUESTED_LAST = 15, /* so many at most */
    PARTIAL_WRITING = 16,
    PARTIAL_STORED = 17,
};

#define PARTIAL_SOURCE_NONE UINT32_MAX

/* Read the members, write them only through these functions. */
struct partial {
    uint32_t piece;
    uint32_t index; /* in partials.v */
    uint32_t nblocks;
    uint32_t free, requested, writing, stored; /* how many blocks are */
    uint32_t first_free;                       /* no block before it is FREE */
    uint32_t asked; /* who was asked last, PARTIAL_SOURCE_NONE at first; its user writes it */
    bool shared;    /* others are asked for REQUESTED blocks too */
    uint8_t *state;    /* per block; behind the sources */
    uint32_t source[]; /* per block: who a WRITING or STORED one came from */
};

/* Embedded; read the members. */
struct partials {
    struct partial **v; /* those with a FREE block first */
    uint32_t count;
    uint32_t count_free; /* how many have a FREE block */
    uint32_t cap;
    uint32_t *index_of;   /* per piece; meaningful while its bit in |open| is set */
    struct bitfield open; /* per piece */
};

/* SPRAT_E_NOMEM, and then there is nothing to free. */
int partials_init(struct partials *ps, uint32_t pieces);
void partials_fini(struct partials *ps);

/* The piece's blocks; NULL if it is not open. */
struct partial *partials_get(const struct partials *ps, uint32_t piece);

/* Opens a piece that is not open, all its |nblocks| > 0 blocks FREE. NULL when memory is out. */
struct partial *partials_open(struct partials *ps, uint32_t piece, uint32_t nblocks);

/* Forgets the piece's blocks. */
void partials_close(struct partials *ps, struct partial *pt);

/* The only writer of a block's state. The source is forgotten unless the new state is STORED. */
void partials_set(struct partials *ps, struct partial *pt, uint32_t block, uint8_t state);

/* The first FREE block; nblocks if there is none. */
uint32_t partial_next_free(struct partial *pt);

static inline bool
partial_is_requested(const struct partial *pt, uint32_t block)
{
    return pt->state[block] >= PARTIAL_REQUESTED && pt->state[block] <= PARTIAL_REQUESTED_LAST;
}

#endif
