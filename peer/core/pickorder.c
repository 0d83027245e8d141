/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bucket grows by one when every bucket after it gives up its first entry and takes a new last
 * one. Thus a hole travels from the end of the array to the bucket, and back for a removal.
 */
#include "peer/core/pickorder.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

int
pickorder_init(struct pickorder *o, uint32_t pieces, uint32_t buckets)
{
    *o = (struct pickorder){
        .items = calloc((size_t)pieces + 1, sizeof(*o->items)),
        .where = calloc((size_t)pieces + 1, sizeof(*o->where)),
        .pieces = pieces,
        .buckets = buckets,
    };
    if (o->items == NULL || o->where == NULL ||
        bitfield_init(&o->in, pieces) != 0) {
        pickorder_fini(o);
        return SPRAT_E_NOMEM;
    }
    memset(o->where, 0xff, (size_t)pieces * sizeof(*o->where));
    return 0;
}

void
pickorder_fini(struct pickorder *o)
{
    free(o->items);
    free(o->where);
    free(o->begin);
    bitfield_fini(&o->in);
    *o = (struct pickorder){0};
}

static void
put(struct pickorder *o, uint32_t index, uint32_t piece)
{
    o->items[index] = piece;
    o->where[piece] = index;
}

/* Asserts that the piece is in |bucket|. */
static void
check(const struct pickorder *o, uint32_t piece, uint32_t bucket)
{
    ASSERT(o->where[piece] >= o->begin[bucket] && o->where[piece] < o->begin[bucket + 1]);
}

void
pickorder_add(struct pickorder *o, uint32_t piece, uint32_t bucket)
{
    uint32_t hole = o->begin[o->buckets]++, k = o->buckets - 1;

    ASSERT(o->where[piece] == PICKORDER_OUT && bucket < o->buckets);
    /* All buckets that are empty at the end. */
    for (; k > bucket && o->begin[k] == hole; k--)
        o->begin[k]++;
    for (; k > bucket; k--) {
        if (o->begin[k] != hole)
            put(o, hole, o->items[o->begin[k]]);
        hole = o->begin[k]++;
    }
    put(o, hole, piece);
    bitfield_set(&o->in, piece);
}

void
pickorder_remove(struct pickorder *o, uint32_t piece, uint32_t bucket)
{
    uint32_t hole = o->where[piece], k = bucket;

    check(o, piece, bucket);
    for (; o->begin[k + 1] < pickorder_count(o); k++) {
        uint32_t last = --o->begin[k + 1];

        if (last != hole)
            put(o, hole, o->items[last]);
        hole = last;
    }
    if (hole != pickorder_count(o) - 1)
        put(o, hole, o->items[pickorder_count(o) - 1]);
    /* From here on all buckets are empty. */
    for (; k < o->buckets; k++)
        o->begin[k + 1]--;
    o->where[piece] = PICKORDER_OUT;
    bitfield_clear(&o->in, piece);
}

void
pickorder_move_up(struct pickorder *o, uint32_t piece, uint32_t bucket)
{
    uint32_t last = o->begin[bucket + 1] - 1;

    check(o, piece, bucket);
    put(o, o->where[piece], o->items[last]);
    put(o, last, piece);
    o->begin[bucket + 1]--;
}

void
pickorder_move_down(struct pickorder *o, uint32_t piece, uint32_t bucket)
{
    uint32_t first = o->begin[bucket];

    check(o, piece, bucket);
    put(o, o->where[piece], o->items[first]);
    put(o, first, piece);
    o->begin[bucket]++;
}

int
pickorder_rebuild(struct pickorder *o, uint32_t (*bucket_of)(const void *ctx, uint32_t piece),
                  const void *ctx)
{
    uint32_t at = 0, size;

    if (o->begin == NULL)
        o->begin = malloc(((size_t)o->buckets + 1) * sizeof(*o->begin));
    if (o->begin == NULL)
        return SPRAT_E_NOMEM;
    memset(o->begin, 0, ((size_t)o->buckets + 1) * sizeof(*o->begin));
    bitfield_clear_all(&o->in);
    for (uint32_t i = 0; i < o->pieces; i++) {
        o->where[i] = bucket_of(ctx, i); /* holds the bucket until the second pass */
        if (o->where[i] == PICKORDER_OUT)
            continue;
        bitfield_set(&o->in, i);
        o->begin[o->where[i]]++;
    }
    for (uint32_t k = 0; k <= o->buckets; k++) {
        size = o->begin[k];
        o->begin[k] = at;
        at += size;
    }
    for (uint32_t i = 0; i < o->pieces; i++)
        if (o->where[i] != PICKORDER_OUT)
            put(o, o->begin[o->where[i]]++, i);
    /* Each bucket's begin has moved to its end, which is the next bucket's begin. */
    memmove(o->begin + 1, o->begin, (size_t)o->buckets * sizeof(*o->begin));
    o->begin[0] = 0;
    return 0;
}
