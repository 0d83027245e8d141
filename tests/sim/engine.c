/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The event queue: two heaps and the wheel between them.
 */
#include "tests/sim/engine.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/ds/list.h"

/* Virtual time does not begin at 0, so that a time before the start can be told from none. */
enum { START_US = 1000000, WORD_BITS = 64, MOMENT_CAP_MIN = 4 };

void
engine_init(struct engine *g)
{
    *g = (struct engine){.now = {START_US}, .moment = START_US / ENGINE_MOMENT_US};
    heap_init(&g->soon);
    heap_init(&g->later);
    g->wheel = sim_alloc(ENGINE_MOMENTS, sizeof(*g->wheel));
}

void
engine_fini(struct engine *g)
{
    ASSERT(heap_first(&g->soon) == NULL && heap_first(&g->later) == NULL && g->in_wheel == 0);
    heap_fini(&g->soon);
    heap_fini(&g->later);
    for (unsigned i = 0; i < ENGINE_MOMENTS; i++)
        free(g->wheel[i].events);
    free(g->wheel);
}

void
event_init(struct event *e, void (*fire)(struct event *e))
{
    *e = (struct event){.fire = fire};
    heap_node_init(&e->node, 0);
}

/* --- the wheel --- */

static unsigned
spoke_of(struct mono at)
{
    return (unsigned)(at.us / ENGINE_MOMENT_US) % ENGINE_MOMENTS;
}

static void
wheel_add(struct engine *g, struct event *e)
{
    unsigned spoke = spoke_of(e->node.at);
    struct engine_moment *m = &g->wheel[spoke];

    if (m->count == m->cap) {
        m->cap = m->cap > 0 ? 2 * m->cap : MOMENT_CAP_MIN;
        m->events = realloc(m->events, m->cap * sizeof(struct event *));
        ASSERT(m->events != NULL);
    }
    e->place = EVENT_WHEEL;
    e->index = m->count;
    m->events[m->count++] = e;
    g->filled[spoke / WORD_BITS] |= UINT64_C(1) << spoke % WORD_BITS;
    g->in_wheel++;
}

static void
wheel_remove(struct engine *g, struct event *e)
{
    unsigned spoke = spoke_of(e->node.at);
    struct engine_moment *m = &g->wheel[spoke];
    struct event *last = m->events[--m->count];

    m->events[e->index] = last;
    last->index = e->index;
    if (m->count == 0)
        g->filled[spoke / WORD_BITS] &= ~(UINT64_C(1) << spoke % WORD_BITS);
    g->in_wheel--;
}

/* How many moments after the one at hand the next one with events is; the wheel has some. */
static unsigned
next_filled(const struct engine *g)
{
    unsigned from = (unsigned)(g->moment + 1) % ENGINE_MOMENTS, spoke = from;
    uint64_t word = g->filled[spoke / WORD_BITS] >> spoke % WORD_BITS << spoke % WORD_BITS;

    while (word == 0) {
        spoke = (spoke / WORD_BITS + 1) * WORD_BITS % ENGINE_MOMENTS;
        word = g->filled[spoke / WORD_BITS];
    }
    spoke = spoke / WORD_BITS * WORD_BITS + (unsigned)__builtin_ctzll(word);
    return (spoke - from) % ENGINE_MOMENTS + 1;
}

/* --- in and out --- */

static void
put_soon(struct engine *g, struct event *e)
{
    e->place = EVENT_SOON;
    ASSERT(heap_set(&g->soon, &e->node, e->node.at) == 0);
}

static void
put(struct engine *g, struct event *e)
{
    int64_t moment = e->node.at.us / ENGINE_MOMENT_US;

    if (moment <= g->moment) {
        put_soon(g, e);
    } else if (moment < g->moment + ENGINE_MOMENTS) {
        wheel_add(g, e);
    } else {
        e->place = EVENT_LATER;
        ASSERT(heap_set(&g->later, &e->node, e->node.at) == 0);
    }
}

void
event_cancel(struct engine *g, struct event *e)
{
    switch (e->place) {
    case EVENT_OUT: break;
    case EVENT_SOON: heap_remove(&g->soon, &e->node); break;
    case EVENT_WHEEL: wheel_remove(g, e); break;
    case EVENT_LATER: heap_remove(&g->later, &e->node); break;
    }
    e->place = EVENT_OUT;
}

void
event_post(struct engine *g, struct event *e, struct mono at)
{
    if (mono_before(at, g->now))
        at = g->now;
    if (e->place == EVENT_WHEEL && at.us == e->node.at.us) {
        e->node.tie = g->posted++;
        return;
    }
    event_cancel(g, e);
    if (at.us == INT64_MAX)
        return;
    e->node.tie = g->posted++;
    e->node.at = at;
    put(g, e);
}

void
event_post_us(struct engine *g, struct event *e, int64_t in_us)
{
    event_post(g, e, mono_add_us(g->now, in_us));
}

/* Goes on to the next moment that has events; false if there is none. */
static bool
next_moment(struct engine *g)
{
    struct heap_node *h = heap_first(&g->later);
    int64_t next = h != NULL ? h->at.us / ENGINE_MOMENT_US : INT64_MAX;
    struct engine_moment *m;

    if (g->in_wheel > 0 && g->moment + next_filled(g) < next)
        next = g->moment + next_filled(g);
    if (next == INT64_MAX)
        return false;
    g->moment = next;
    m = &g->wheel[(unsigned)next % ENGINE_MOMENTS];
    while (m->count > 0) {
        struct event *e = m->events[m->count - 1];

        wheel_remove(g, e);
        put_soon(g, e);
    }
    while ((h = heap_first(&g->later)) != NULL &&
           h->at.us / ENGINE_MOMENT_US < next + ENGINE_MOMENTS) {
        heap_remove(&g->later, h);
        put(g, LIST_ENTRY(h, struct event, node));
    }
    return true;
}

bool
engine_step(struct engine *g)
{
    struct heap_node *h = heap_first(&g->soon);
    struct event *e;

    if (h == NULL && !next_moment(g))
        return false;
    h = heap_first(&g->soon);
    e = LIST_ENTRY(h, struct event, node);
    g->now = h->at;
    g->fired++;
    event_cancel(g, e);
    e->fire(e);
    return true;
}

/* --- memory --- */

void *
sim_alloc(size_t count, size_t size)
{
    void *p = calloc(count, size);

    ASSERT(p != NULL);
    return p;
}
