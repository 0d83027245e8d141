/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Pieces sorted into numbered buckets that lie one after another in a single array, so that the
 * best bucket comes first, equals lie side by side for a random choice, and nothing is ever
 * allocated after the start. It knows neither why a piece is in its bucket nor who has it.
 */
#ifndef PEER_CORE_PICKORDER_H
#define PEER_CORE_PICKORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"

#define PICKORDER_OUT UINT32_MAX

/* Embedded; read the members, write them only through these functions. */
struct pickorder {
    uint32_t *items; /* pieces, bucket after bucket */
    uint32_t *where; /* per piece: its index in items, or PICKORDER_OUT */
    uint32_t *begin; /* per bucket: its first index; begin[buckets] is the count of all. NULL until
                        the first rebuild: many a torrent only seeds */
    struct bitfield in; /* per piece: is it in the order? */
    uint32_t pieces;
    uint32_t buckets;
};

/* All pieces are out, and none may be put in before a rebuild. SPRAT_E_NOMEM,
 * and then there is nothing to free. */
int pickorder_init(struct pickorder *o, uint32_t pieces, uint32_t buckets);
void pickorder_fini(struct pickorder *o);

static inline bool
pickorder_has(const struct pickorder *o, uint32_t piece)
{
    return o->where[piece] != PICKORDER_OUT;
}

static inline uint32_t
pickorder_count(const struct pickorder *o)
{
    return o->begin != NULL ? o->begin[o->buckets] : 0;
}

/* Puts a piece in that is out, or takes one out of the bucket that it is in: O(buckets). */
void pickorder_add(struct pickorder *o, uint32_t piece, uint32_t bucket);
void pickorder_remove(struct pickorder *o, uint32_t piece, uint32_t bucket);

/* Moves a piece from |bucket| to the next one, or to the one before: O(1). */
void pickorder_move_up(struct pickorder *o, uint32_t piece, uint32_t bucket);
void pickorder_move_down(struct pickorder *o, uint32_t piece, uint32_t bucket);

/* Sorts all anew by what |bucket_of| says, PICKORDER_OUT included: O(pieces + buckets). 0; the
 * first time it may be SPRAT_E_NOMEM, and then all are out. */
int pickorder_rebuild(struct pickorder *o, uint32_t (*bucket_of)(const void *ctx, uint32_t piece),
                       const void *ctx);

#endif
