/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Virtual time: fires events in the order of their times, and events of one time in the order in
 * which they were posted. Independent of what the events do.
 *
 * Events of the next moment are in one heap, events within two seconds in a wheel of such moments
 * (unsorted in each moment), and later events in another heap. Nearly all events are posted to the
 * wheel, which takes the same time however many events there are.
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

/* Embedded in the object that the event is about; LIST_ENTRY(e, type, member) finds that object. */
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

/* Posts |e|, or moves it, to |at|, or to the present if |at| is past. MONO_NEVER removes it. */
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

/* Zeroed memory. Ends the process when memory is out: only the simulator itself uses this. */
void *sim_alloc(size_t count, size_t size);

#endif
