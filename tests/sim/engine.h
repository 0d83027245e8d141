/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Virtual time: events in the order of their times, and among equals in the order in which they
 * were posted. It knows nothing of what happens in them.
 */
#ifndef TESTS_SIM_ENGINE_H
#define TESTS_SIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/mono.h"
#include "common/ds/heap.h"

/* Embedded in what it is about; find that with LIST_ENTRY(e, type, member). */
struct event {
    struct heap_node node;
    void (*fire)(struct event *e);
};

/* Embedded; read |now| and |fired|. */
struct engine {
    struct heap heap;
    struct mono now;
    uint64_t posted;
    uint64_t fired;
};

void engine_init(struct engine *g);
void engine_fini(struct engine *g);

void event_init(struct event *e, void (*fire)(struct event *e));

/* Puts |e| in, or moves it, to |at|, or to now if that is past; MONO_NEVER takes it out. */
void event_post(struct engine *g, struct event *e, struct mono at);
void event_post_us(struct engine *g, struct event *e, int64_t in_us);
void event_cancel(struct engine *g, struct event *e);

static inline bool
event_posted(const struct event *e)
{
    return e->node.index != HEAP_OUT;
}

/* Moves the clock to the next event and fires it; false if there is none. */
bool engine_step(struct engine *g);

/* Zeroed memory; the simulator dies without it, what is under test never does. */
void *sim_alloc(size_t count, size_t size);

#endif
