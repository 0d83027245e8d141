/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Virtual time: events in the order of their times, and among equals in the order in which they
 * were posted. It knows nothing of what happens in them.
 *
 * What is due in the next moment is in a heap, what comes within two seconds in a wheel of such
 * moments, unsorted, and what is later in another heap. Nearly all is posted into the wheel, which
 * touches no other event, however many there are.
 */
#ifndef TESTS_SIM_ENGINE_H
#define TESTS_SIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/mono.h"
#include "common/ds/heap.h"

enum {
    ENGINE_MOMENT_US = 256,
    ENGINE_MOMENTS = 8192, /* in the wheel; a power of two */
};

enum event_place { EVENT_OUT, EVENT_SOON, EVENT_WHEEL, EVENT_LATER };

/* Embedded in what it is about; find that with LIST_ENTRY(e, type, member). */
struct event {
    struct heap_node node;
    enum event_place place;
    uint32_t index; /* EVENT_WHEEL: in its moment */
    void (*fire)(struct event *e);
};

struct engine_moment {
    struct event **events;
    uint32_t count, cap;
};

/* Embedded; read |now| and |fired|. */
struct engine {
    struct heap soon, later;
    struct engine_moment *wheel;
    uint64_t filled[ENGINE_MOMENTS / 64]; /* moments that have events */
    uint64_t in_wheel;                    /* events */
    int64_t moment;                       /* whose events, and all before, are in |soon| */
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
    return e->place != EVENT_OUT;
}

/* Moves the clock to the next event and fires it; false if there is none. */
bool engine_step(struct engine *g);

/* Zeroed memory; the simulator dies without it, what is under test never does. */
void *sim_alloc(size_t count, size_t size);

#endif
