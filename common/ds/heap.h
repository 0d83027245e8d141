/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A min-heap of timers: objects ordered by a point in time, with O(log n) change and removal
 * through the node embedded in each. Nodes with equal times are ordered by a number of the caller,
 * never by address.
 */
#ifndef COMMON_DS_HEAP_H
#define COMMON_DS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/mono.h"

struct heap_node;

/* A slot of the heap, with a copy of its node's key. */
struct heap_slot {
    struct mono at;
    uint64_t tie;
    struct heap_node *node;
};

struct heap_node {
    struct mono at;
    uint64_t tie; /* set by the caller before heap_set(); orders equal times */
    size_t index; /* HEAP_OUT while not in the heap */
};

#define HEAP_OUT SIZE_MAX

/* Embedded; private. */
struct heap {
    struct heap_slot *slots;
    size_t count;
    size_t cap;
};

void heap_init(struct heap *h);
void heap_fini(struct heap *h);

static inline void
heap_node_init(struct heap_node *n, uint64_t tie)
{
    *n = (struct heap_node){.tie = tie, .index = HEAP_OUT};
}

/* Inserts the node, or moves it, to time |at|. SPRAT_E_NOMEM is possible only for an insertion. */
int heap_set(struct heap *h, struct heap_node *n, struct mono at);

/* Removes the node; no effect if it is not in the heap. */
void heap_remove(struct heap *h, struct heap_node *n);

/* The earliest node, or NULL. */
static inline struct heap_node *
heap_first(const struct heap *h)
{
    return h->count > 0 ? h->slots[0].node : NULL;
}

#endif
