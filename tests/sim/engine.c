/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The event queue over the heap of timers.
 */
#include "tests/sim/engine.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/ds/list.h"

/* Virtual time does not begin at 0, so that a time before the start can be told from none. */
enum { START_US = 1000000 };

void
engine_init(struct engine *g)
{
    *g = (struct engine){.now = {START_US}};
    heap_init(&g->heap);
}

void
engine_fini(struct engine *g)
{
    ASSERT(heap_first(&g->heap) == NULL);
    heap_fini(&g->heap);
}

void
event_init(struct event *e, void (*fire)(struct event *e))
{
    heap_node_init(&e->node, 0);
    e->fire = fire;
}

void
event_post(struct engine *g, struct event *e, struct mono at)
{
    if (at.us == INT64_MAX) {
        heap_remove(&g->heap, &e->node);
        return;
    }
    e->node.tie = g->posted++;
    ASSERT(heap_set(&g->heap, &e->node, mono_before(at, g->now) ? g->now : at) == 0);
}

void
event_post_us(struct engine *g, struct event *e, int64_t in_us)
{
    event_post(g, e, mono_add_us(g->now, in_us));
}

void
event_cancel(struct engine *g, struct event *e)
{
    heap_remove(&g->heap, &e->node);
}

bool
engine_step(struct engine *g)
{
    struct heap_node *h = heap_first(&g->heap);
    struct event *e;

    if (h == NULL)
        return false;
    e = LIST_ENTRY(h, struct event, node);
    g->now = h->at;
    g->fired++;
    heap_remove(&g->heap, h);
    e->fire(e);
    return true;
}

void *
sim_alloc(size_t count, size_t size)
{
    void *p = calloc(count, size);

    ASSERT(p != NULL);
    return p;
}
