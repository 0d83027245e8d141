/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Beats while all loops run, and none while one of them hangs.
 */
#include "tracker/daemon/watchdog.h"

#include <criterion/criterion.h>

#include "common/base/err.h"

struct rig {
    struct loop *own, *other;
    struct loop_timer *until, *other_until;
    unsigned beats, stuck;
};

static void
on_beat(void *ctx)
{
    struct rig *r = ctx;

    r->beats++;
}

static void
on_stuck(void *ctx, unsigned i)
{
    struct rig *r = ctx;

    cr_assert_eq(i, 1);
    r->stuck++;
}

static void
stop(void *ctx)
{
    loop_stop(ctx);
}

static void
spin(struct loop *l, struct loop_timer *t, int64_t ms)
{
    loop_timer_set(t, mono_add_ms(loop_now(l), ms));
    cr_assert_eq(loop_run(l), 0);
}

Test(watchdog, a_loop_that_hangs_ends_the_beats)
{
    struct rig r = {.beats = 0};
    struct watchdog_handler handler = {.ctx = &r, .beat = on_beat, .stuck = on_stuck};
    struct loop *watched[2];
    struct watchdog *w;
    struct errbuf eb;

    cr_assert_eq(loop_new(&r.own, &eb), 0);
    cr_assert_eq(loop_new(&r.other, &eb), 0);
    r.until = loop_timer_new(r.own, stop, r.own);
    r.other_until = loop_timer_new(r.other, stop, r.other);
    watched[0] = r.own;
    watched[1] = r.other;
    w = watchdog_new(r.own, watched, 2, 40, &handler);
    cr_assert_eq(r.beats, 1, "the first comes at once");
    spin(r.own, r.until, 200);
    cr_assert_eq(r.beats, 1, "the other loop does not run");
    cr_assert_eq(r.stuck, 1, "which is told once");
    for (int i = 0; i < 1000 && r.beats < 3; i++) {
        spin(r.other, r.other_until, 1);
        spin(r.own, r.until, 5);
    }
    cr_assert_eq(r.beats, 3, "it runs again");
    watchdog_free(w);
    watchdog_free(NULL);
    loop_timer_free(r.until);
    loop_timer_free(r.other_until);
    loop_free(r.own);
    loop_free(r.other);
}
