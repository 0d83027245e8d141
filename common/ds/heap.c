/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A heap with four children per node. Each slot has a copy of the key, so that compared keys are
 * adjacent in memory and a node is only touched when it moves.
 */
#include "common/ds/heap.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"

enum { HEAP_CAP_MIN = 16, CHILDREN = 4 };

void
heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void
heap_fini(struct heap *h)
{
    free(h->slots);
    *h = (struct heap){0};
}

static bool
less(const struct heap_slot *a, const struct heap_slot *b)
{
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->tie < b->tie;
}

static void
set_slot(struct heap *h, size_t i, const struct heap_slot *s)
{
    h->slots[i] = *s;
    s->node->index = i;
}

/* The first child of |i|; |i| itself if it has none. */
static size_t
first_child(const struct heap *h, size_t i)
{
    size_t child = CHILDREN * i + 1, end = child + CHILDREN, first = child;

    if (child >= h->count)
        return i;
    if (end > h->count)
        end = h->count;
    while (++child < end)
        if (less(&h->slots[child], &h->slots[first]))
            first = child;
    return first;
}

/* Moves |s| from the hole at |i| towards the root, then towards the leaves, to its place. */
static void
settle(struct heap *h, size_t i, struct heap_slot s)
{
    size_t child;

    while (i > 0 && less(&s, &h->slots[(i - 1) / CHILDREN])) {
        set_slot(h, i, &h->slots[(i - 1) / CHILDREN]);
        i = (i - 1) / CHILDREN;
    }
    while ((child = first_child(h, i)) != i && less(&h->slots[child], &s)) {
        set_slot(h, i, &h->slots[child]);
        i = child;
    }
    set_slot(h, i, &s);
}

int
heap_set(struct heap *h, struct heap_node *n, struct mono at)
{
    if (n->index == HEAP_OUT) {
        if (h->count == h->cap) {
            size_t cap = h->cap > 0 ? h->cap * 2 : HEAP_CAP_MIN;
            struct heap_slot *slots = realloc(h->slots, cap * sizeof(*slots));

            if (slots == NULL)
                return SPRAT_E_NOMEM;
            h->slots = slots;
            h->cap = cap;
        }
        n->index = h->count++;
    }
    n->at = at;
    settle(h, n->index, (struct heap_slot){at, n->tie, n});
    return 0;
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
    size_t i = n->index;
    struct heap_slot last;

    if (i == HEAP_OUT)
        return;
    ASSERT(h->slots[i].node == n);
    last = h->slots[--h->count];
    n->index = HEAP_OUT;
    if (last.node != n)
        settle(h, i, last);
}
