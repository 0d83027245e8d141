/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The heap of timers: order, ties, moving and removing, against a sorted array.
 */
#include "common/ds/heap.h"

#include <criterion/criterion.h>

#include "common/base/rng.h"

enum { NODES = 200 };

static struct mono
at(int64_t us)
{
    return (struct mono){us};
}

Test(heap, empty)
{
    struct heap h;
    struct heap_node n;

    heap_init(&h);
    heap_node_init(&n, 1);
    cr_assert_null(heap_first(&h));
    heap_remove(&h, &n);
    cr_assert_eq(h.count, 0);
    heap_fini(&h);
}

Test(heap, equal_times_go_by_the_tie)
{
    struct heap_node nodes[5];
    struct heap h;

    heap_init(&h);
    for (int i = 0; i < 5; i++) {
        /* 2, 0, 3, 1, 4 */
        heap_node_init(&nodes[i], (uint64_t)(i * 3 + 2) % 5);
        cr_assert_eq(heap_set(&h, &nodes[i], at(7)), 0);
    }
    for (uint64_t tie = 0; tie < 5; tie++) {
        cr_assert_eq(heap_first(&h)->tie, tie);
        heap_remove(&h, heap_first(&h));
    }
    cr_assert_null(heap_first(&h));
    heap_fini(&h);
}

Test(heap, a_node_moves_when_it_is_set_again)
{
    struct heap_node a, b;
    struct heap h;

    heap_init(&h);
    heap_node_init(&a, 1);
    heap_node_init(&b, 2);
    heap_set(&h, &a, at(1));
    heap_set(&h, &b, at(2));
    heap_set(&h, &a, at(3));
    cr_assert_eq(heap_first(&h), &b);
    heap_set(&h, &a, at(0));
    cr_assert_eq(heap_first(&h), &a);
    heap_set(&h, &a, MONO_NEVER);
    cr_assert_eq(heap_first(&h), &b);
    cr_assert_eq(h.count, 2);
    heap_remove(&h, &b);
    cr_assert_eq(b.index, HEAP_OUT);
    heap_remove(&h, &b);
    cr_assert_eq(heap_first(&h), &a);
    heap_fini(&h);
}

/* The earliest node in the heap, found by a search through all nodes. */
static struct heap_node *
earliest(struct heap_node *nodes)
{
    struct heap_node *best = NULL;

    for (int i = 0; i < NODES; i++) {
        struct heap_node *n = &nodes[i];

        if (n->index != HEAP_OUT && (best == NULL || n->at.us < best->at.us ||
                                     (n->at.us == best->at.us && n->tie < best->tie)))
            best = n;
    }
    return best;
}

Test(heap, random_work_agrees_with_a_search)
{
    static struct heap_node nodes[NODES];
    struct heap h;
    struct rng r;

    rng_init(&r, 42);
    heap_init(&h);
    for (int i = 0; i < NODES; i++)
        heap_node_init(&nodes[i], (uint64_t)i);
    for (int round = 0; round < 20000; round++) {
        struct heap_node *n = &nodes[rng_below(&r, NODES)];

        if (rng_below(&r, 3) == 0)
            heap_remove(&h, n);
        else
            cr_assert_eq(heap_set(&h, n, at(rng_below(&r, 50))), 0);
        cr_assert_eq(heap_first(&h), earliest(nodes), "round %d", round);
    }
    heap_fini(&h);
}
