/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bounded list of block requests in the order in which they were made: our requests to a peer, or
 * the peer's requests to us. To take the oldest request is O(1); every other search scans from the
 * oldest one on, where answers are found in practice.
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
    struct mono at;  /* when the request was made */
};

/* Embedded; |count| may be read, the rest is private. */
struct reqlist {
    struct request *items;
    uint32_t head; /* index of the oldest request */
    uint32_t count;
    uint32_t cap;
    uint32_t max;
};

#define REQLIST_NONE UINT32_MAX

void reqlist_init(struct reqlist *l, uint32_t max);
void reqlist_fini(struct reqlist *l);

/* SPRAT_E_LIMIT when the list holds |max| requests; SPRAT_E_NOMEM. */
int reqlist_push(struct reqlist *l, const struct request *r);

/* The |i|-th oldest request; i < count. */
static inline struct request *
reqlist_at(const struct reqlist *l, uint32_t i)
{
    return &l->items[l->head + i];
}

/* The index of the request for that block; REQLIST_NONE if there is none. */
uint32_t reqlist_find(const struct reqlist *l, uint32_t piece, uint32_t begin);

void reqlist_remove(struct reqlist *l, uint32_t i);

/* Removes all requests and frees the memory. */
void reqlist_clear(struct reqlist *l);

#endif
