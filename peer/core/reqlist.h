/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bounded list of block requests in the order they were made: what we asked of a peer, or what it
 * asked of us. Taking the oldest is O(1); anything else is a scan from the oldest on, which is
 * where answers are found in practice.
 */
#ifndef PEER_CORE_REQLIST_H
#define PEER_CORE_REQLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

struct request {
    uint32_t piece;
    uint32_t begin;  /* bytes into the piece */
    uint32_t length; /* bytes */
    struct mono at;  /* when it was made */
};

/* Embedded; read |count|, the rest is private. */
struct reqlist {
    struct request *items;
    uint32_t head; /* index of the oldest */
    uint32_t count;
    uint32_t cap;
    uint32_t max;
};

#define REQLIST_NONE UINT32_MAX

void reqlist_init(struct reqlist *l, uint32_t max);
void reqlist_fini(struct reqlist *l);

/* SPRAT_E_LIMIT when |max| are in; SPRAT_E_NOMEM. */
int reqlist_push(struct reqlist *l, const struct request *r);

/* The |i|-th oldest; i < count. */
static inline struct request *
reqlist_at(const struct reqlist *l, uint32_t i)
{
    return &l->items[l->head + i];
}

/* The place of a request for that block; REQLIST_NONE if it is not in. */
uint32_t reqlist_find(const struct reqlist *l, uint32_t piece, uint32_t begin);

void reqlist_remove(struct reqlist *l, uint32_t i);

/* Empties it and gives its memory back. */
void reqlist_clear(struct reqlist *l);

#endif
