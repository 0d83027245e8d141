/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The picker's private state, shared by picker.c, which keeps the state of each piece, and
 * picker_choose.c, which chooses blocks. Only these two include it.
 */
#ifndef PEER_CORE_PICKER_IMPL_H
#define PEER_CORE_PICKER_IMPL_H

#include "common/base/bytes.h"
#include "peer/core/partials.h"
#include "peer/core/picker.h"
#include "peer/core/pickorder.h"

enum {
    RARITY_LEVELS = 256, /* pieces with 255 copies or more count as equally common */
    BUCKETS = PICKER_PRIORITY_MAX * RARITY_LEVELS,
    WORD_BITS = 64,
};

struct piece {
    uint16_t peers; /* peers that have the piece, without seeds */
    uint8_t priority;
    bool held;
    bool empty; /* the piece has no block to request (pads only) */
    bool solo;  /* requested from one peer at a time (picker_solo()) */
};

struct picker {
    const struct geometry *g;
    struct rng *rng;
    uint32_t count; /* number of pieces */
    struct piece *pieces;
    struct bitfield have;
    struct bitfield want; /* pieces that are wanted and missing, with blocks to request */
    struct pickorder order;
    struct partials partials;
    int32_t seeds;
    bool dirty;       /* the order is out of date */
    uint32_t changes; /* changes of the order since the last pick */
    uint32_t missing; /* number of pieces wanted and not had */
    uint32_t missing_held;
};

/* Pieces that are wanted, not under way and not on hold are in the order, in this bucket. */
static inline bool
picker_is_pickable(const struct picker *p, uint32_t piece)
{
    return bitfield_get(&p->want, piece) && !p->pieces[piece].held &&
           !bitfield_get(&p->partials.open, piece);
}

static inline uint32_t
picker_bucket(const struct picker *p, uint32_t piece)
{
    const struct piece *pc = &p->pieces[piece];
    uint32_t level = pc->peers < RARITY_LEVELS ? pc->peers : RARITY_LEVELS - 1;

    return (uint32_t)(PICKER_PRIORITY_MAX - pc->priority) * RARITY_LEVELS + level;
}

/* Sorts the order again if it is out of date. 0, or SPRAT_E_NOMEM: the order stays out of date. */
int picker_order_refresh(struct picker *p);

/* Takes the piece out of the order and opens it; NULL when memory is out. */
struct partial *picker_piece_open(struct picker *p, uint32_t piece);

/* Bits [64·i, 64·i + 64) of |b|, the first one highest. */
static inline uint64_t
picker_word(const struct bitfield *b, uint32_t i)
{
    size_t size = bitfield_size(b->nbits), at = (size_t)i * 8;
    uint64_t w = 0;

    if (at + 8 <= size)
        return get_u64be(b->bytes + at);
    for (unsigned k = 0; k < 8; k++)
        w = w << 8 | (at + k < size ? b->bytes[at + k] : 0);
    return w;
}

static inline uint32_t
picker_words(const struct picker *p)
{
    return (p->count + WORD_BITS - 1) / WORD_BITS;
}

#endif
