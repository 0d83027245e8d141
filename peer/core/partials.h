/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The picker's pieces under way, and the state of each of their blocks. Only these pieces occupy
 * memory per block. Pieces with a FREE block come first in the array, so that a search for work
 * reads no other piece. This module knows neither which block is requested from which peer, nor
 * why.
 */
#ifndef PEER_CORE_PARTIALS_H
#define PEER_CORE_PARTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"

enum {
    PARTIAL_FREE = 0,
    PARTIAL_REQUESTED = 1,       /* requested from one peer; each further peer (endgame) adds 1 */
    PARTIAL_REQUESTED_LAST = 15, /* requested from 15 peers, the maximum */
    PARTIAL_WRITING = 16,
    PARTIAL_STORED = 17,
};

#define PARTIAL_SOURCE_NONE UINT32_MAX

/* Read the members, write them only through these functions. */
struct partial {
    uint32_t piece;
    uint32_t index; /* index in partials.v */
    uint32_t nblocks;
    uint32_t free, requested, writing, stored; /* number of blocks in each state */
    uint32_t first_free;                       /* no block before it is FREE */
    uint32_t asked; /* the peer that was asked last, PARTIAL_SOURCE_NONE at first; the picker
                       writes it */
    bool shared;    /* REQUESTED blocks may be requested from other peers too */
    uint8_t *state;    /* per block; lies after the sources in memory */
    uint32_t source[]; /* per block: the source of a WRITING or STORED block */
};

/* Embedded; read the members. */
struct partials {
    struct partial **v; /* pieces with a FREE block first */
    uint32_t count;
    uint32_t count_free; /* number of pieces with a FREE block */
    uint32_t cap;
    uint32_t *index_of;   /* per piece; valid while its bit in |open| is set */
    struct bitfield open; /* per piece */
};

/* On SPRAT_E_NOMEM there is nothing to free. */
int partials_init(struct partials *ps, uint32_t pieces);
void partials_fini(struct partials *ps);

/* The open piece with this number; NULL if it is not open. */
struct partial *partials_get(const struct partials *ps, uint32_t piece);

/* Opens a piece that is not open; all its |nblocks| > 0 blocks are FREE. NULL when memory is
 * out. */
struct partial *partials_open(struct partials *ps, uint32_t piece, uint32_t nblocks);

/* Closes the piece and forgets its blocks. */
void partials_close(struct partials *ps, struct partial *pt);

/* Sets the state of a block; nothing else writes it. Forgets the source unless the new state is
 * STORED. */
void partials_set(struct partials *ps, struct partial *pt, uint32_t block, uint8_t state);

/* The index of the first FREE block; nblocks if there is none. */
uint32_t partial_next_free(struct partial *pt);

static inline bool
partial_is_requested(const struct partial *pt, uint32_t block)
{
    return pt->state[block] >= PARTIAL_REQUESTED && pt->state[block] <= PARTIAL_REQUESTED_LAST;
}

#endif
