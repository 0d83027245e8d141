/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The binary heap of timers: an array of pointers to embedded nodes that know their index.
 */
#include "common/ds/heap.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"

enum { HEAP_CAP_MIN = 16 };

void
heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void
heap_fini(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}

static bool
less(const struct heap_node *a, const struct heap_node *b)
{
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->tie < b->tie;
}

static void
place(struct heap *h, size_t i, struct heap_node *n)
{
    h->nodes[i] = n;
    n->index = i;
}

/* Moves |n| from hole |i| towards the root, then towards the leaves, to where it belongs. */
static void
settle(struct heap *h, size_t i, struct heap_node *n)
{
    while (i > 0 && less(n, h->nodes[(i - 1) / 2])) {
        place(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= h->count)
            break;
        if (child + 1 < h->count && less(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (!less(h->nodes[child], n))
            break;
        place(h, i, h->nodes[child]);
        i = child;
    }
    place(h, i, n);
}

int
heap_set(struct heap *h, struct heap_node *n, struct mono at)
{
    if (n->index == HEAP_OUT) {
        if (h->count == h->cap) {
            size_t cap = h->cap > 0 ? h->cap * 2 : HEAP_CAP_MIN;
            struct heap_node **nodes = realloc(h->nodes, cap * sizeof(struct heap_node *));

            if (nodes == NULL)
                return SPRAT_E_NOMEM;
            h->nodes = nodes;
            h->cap = cap;
        }
        n->index = h->count++;
    }
    n->at = at;
    settle(h, n->index, n);
    return 0;
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
    size_t i = n->index;
    struct heap_node *last;

    if (i == HEAP_OUT)
        return;
    ASSERT(h->nodes[i] == n);
    last = h->nodes[--h->count];
    n->index = HEAP_OUT;
    if (last != n)
        settle(h, i, last);
}
