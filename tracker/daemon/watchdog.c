/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each watched loop has a waker; a timer checks which loops have answered.
 */
#include "tracker/daemon/watchdog.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/magic.h"

enum {
    WATCHDOG_MAGIC = 0x77646f67,
    LOOKS = 8, /* checks in a period: if a loop answers late, beat() still comes in time */
};

struct watched {
    struct loop_waker *waker;
    _Atomic bool answered;
    bool told_stuck;
};

struct watchdog {
    uint32_t magic;
    struct loop *loop;
    struct loop_timer *timer;
    struct watchdog_handler handler;
    int64_t period_ms;
    struct mono asked_at;
    unsigned count;
    struct watched watched[];
};

/* Runs in the watched loop. */
static void
on_asked(void *ctx)
{
    struct watched *one = ctx;

    atomic_store(&one->answered, true);
}

static void
ask_all(struct watchdog *w)
{
    w->asked_at = loop_now(w->loop);
    for (unsigned i = 0; i < w->count; i++) {
        atomic_store(&w->watched[i].answered, false);
        w->watched[i].told_stuck = false;
        loop_waker_wake(w->watched[i].waker);
    }
}

static bool
all_answered(struct watchdog *w, bool late)
{
    bool all = true;

    for (unsigned i = 0; i < w->count; i++) {
        struct watched *one = &w->watched[i];

        if (atomic_load(&one->answered))
            continue;
        all = false;
        if (late && !one->told_stuck)
            w->handler.stuck(w->handler.ctx, i);
        one->told_stuck |= late;
    }
    return all;
}

static void
on_timer(void *ctx)
{
    struct watchdog *w = ctx;
    int64_t waited_ms;

    MAGIC_CHECK(w, WATCHDOG_MAGIC);
    waited_ms = mono_diff_ms(loop_now(w->loop), w->asked_at);
    if (all_answered(w, waited_ms >= w->period_ms) && waited_ms >= w->period_ms / 2 - 1) {
        w->handler.beat(w->handler.ctx);
        ask_all(w);
    }
    loop_timer_set(w->timer, mono_add_ms(loop_now(w->loop), w->period_ms / LOOKS));
}

struct watchdog *
watchdog_new(struct loop *loop, struct loop *const *watched, unsigned n, int64_t period_ms,
             const struct watchdog_handler *handler)
{
    struct watchdog *w = calloc(1, sizeof(*w) + n * sizeof(w->watched[0]));
    bool good;

    if (w == NULL)
        return NULL;
    MAGIC_SET(w, WATCHDOG_MAGIC);
    w->loop = loop;
    w->handler = *handler;
    w->period_ms = period_ms >= LOOKS ? period_ms : LOOKS;
    w->count = n;
    w->timer = loop_timer_new(loop, on_timer, w);
    good = w->timer != NULL;
    for (unsigned i = 0; i < n && good; i++) {
        w->watched[i].waker = loop_waker_new(watched[i], on_asked, &w->watched[i]);
        good = w->watched[i].waker != NULL;
    }
    if (!good) {
        watchdog_free(w);
        return NULL;
    }
    handler->beat(handler->ctx);
    ask_all(w);
    loop_timer_set(w->timer, mono_add_ms(loop_now(loop), w->period_ms / LOOKS));
    return w;
}

void
watchdog_free(struct watchdog *w)
{
    if (w == NULL)
        return;
    if (w->timer != NULL)
        loop_timer_free(w->timer);
    for (unsigned i = 0; i < w->count; i++)
        if (w->watched[i].waker != NULL)
            loop_waker_free(w->watched[i].waker);
    MAGIC_CLEAR(w);
    free(w);
}
