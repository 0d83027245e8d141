/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The picker's order of pieces: pieces sorted into numbered buckets that lie one after another in a
 * single array. The best bucket comes first, equal pieces lie side by side for a random choice, and
 * only the first sort allocates memory. The order knows neither why a piece is in its bucket nor
 * which peers have it.
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
    uint32_t *begin; /* per bucket: its first index; begin[buckets] is the number of pieces in
                        the order. NULL until the first rebuild, since many torrents only seed */
    struct bitfield in; /* per piece: 1 if it is in the order */
    uint32_t pieces;
    uint32_t buckets;
};

/* All pieces are out of the order, and none may be added before a rebuild. On SPRAT_E_NOMEM there
 * is nothing to free. */
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

/* Adds a piece that is not in the order, or removes a piece from its bucket: O(buckets). */
void pickorder_add(struct pickorder *o, uint32_t piece, uint32_t bucket);
void pickorder_remove(struct pickorder *o, uint32_t piece, uint32_t bucket);

/* Moves a piece from |bucket| to the next or the previous bucket: O(1). */
void pickorder_move_up(struct pickorder *o, uint32_t piece, uint32_t bucket);
void pickorder_move_down(struct pickorder *o, uint32_t piece, uint32_t bucket);

/* Sorts all pieces by the result of |bucket_of|, PICKORDER_OUT included: O(pieces + buckets). 0;
 * the first call may return SPRAT_E_NOMEM, and then all pieces are out. */
int pickorder_rebuild(struct pickorder *o, uint32_t (*bucket_of)(const void *ctx, uint32_t piece),
                       const void *ctx);

#endif
