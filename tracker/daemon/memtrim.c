/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pages are returned by a thread, since that takes some 10 ms after 4,000 connections.
 */
#include "tracker/daemon/memtrim.h"

#include <stdlib.h>

#include "common/sys/memory.h"
#include "common/sys/thread.h"

struct memtrim {
    struct loop *loop;
    const struct worker_common *common;
    struct loop_timer *timer;
    struct thread thread;
    bool started;   /* and not joined yet */
    uint64_t ended; /* handshakes, the last time */
};

static void *
thread_main(void *arg)
{
    (void)arg;
    memory_give_back();
    return NULL;
}

static void
join(struct memtrim *t)
{
    if (t->started)
        thread_join(&t->thread);
    t->started = false;
}

static void
look(void *ctx)
{
    struct memtrim *t = ctx;
    struct metrics m = {0};
    uint64_t ended;

    worker_count_all(t->common, &m);
    ended = m.https_handshakes + m.https_handshakes_failed;
    join(t);
    if (ended - t->ended >= MEMTRIM_HANDSHAKES_MIN) {
        t->started = thread_start(&t->thread, thread_main, NULL) == 0;
        t->ended = ended;
    }
    loop_timer_set(t->timer, mono_add_ms(loop_now(t->loop), MEMTRIM_PERIOD_MS));
}

struct memtrim *
memtrim_new(struct loop *loop, const struct worker_common *common)
{
    struct memtrim *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    *t = (struct memtrim){.loop = loop, .common = common};
    t->timer = loop_timer_new(loop, look, t);
    if (t->timer == NULL) {
        free(t);
        return NULL;
    }
    loop_timer_set(t->timer, mono_add_ms(loop_now(loop), MEMTRIM_PERIOD_MS));
    return t;
}

void
memtrim_free(struct memtrim *t)
{
    if (t == NULL)
        return;
    join(t);
    loop_timer_free(t->timer);
    free(t);
}
