/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The order in which waiting announces begin, and failed attempts to begin.
 */
#include <criterion/criterion.h>

#include "common/sys/clock.h"
#include "peer/net/tracker_queue.h"

enum { ENTRIES = 80, CALLS_MAX = 200 };

struct ask {
    struct tracker_entry entry; /* first */
    int number;
};

/* The callbacks have no context of their own; each test is a process. */
static struct {
    struct loop *loop;
    struct loop_timer *timer;
    struct tracker_gate *gate;
    struct tracker_queue *queue;
    struct ask asks[ENTRIES];
    int began[CALLS_MAX], told[CALLS_MAX];
    int began_count, told_count;
    int refusals; /* the next calls of begin() that fail */
    int refused;
} rig;

static bool
begin(struct tracker_entry *e)
{
    if (rig.refusals > 0) {
        rig.refusals--;
        rig.refused++;
        return false;
    }
    cr_assert_lt(rig.began_count, CALLS_MAX);
    rig.began[rig.began_count++] = ((struct ask *)e)->number;
    return true;
}

static void
begun(struct tracker_entry *e)
{
    cr_assert_lt(rig.told_count, CALLS_MAX);
    rig.told[rig.told_count++] = ((struct ask *)e)->number;
}

static void
on_timer(void *ctx)
{
    (void)ctx;
    loop_stop(rig.loop);
}

static void
start(void)
{
    static const struct tracker_queue_owner owner = {begin, begun};
    struct errbuf eb;

    cr_assert_eq(loop_new(&rig.loop, &eb), 0);
    rig.gate = tracker_gate_new();
    cr_assert_not_null(rig.gate);
    rig.timer = loop_timer_new(rig.loop, on_timer, NULL);
    rig.queue = tracker_queue_new(rig.loop, rig.gate, &owner);
    cr_assert_not_null(rig.queue);
    for (int i = 0; i < ENTRIES; i++)
        rig.asks[i].number = i;
}

static void
stop(void)
{
    for (int i = 0; i < ENTRIES; i++)
        tracker_queue_remove(rig.queue, &rig.asks[i].entry, true);
    tracker_queue_free(rig.queue);
    tracker_gate_free(rig.gate);
    loop_timer_free(rig.timer);
    loop_free(rig.loop);
}

static void
run_ms(int64_t ms)
{
    loop_timer_set(rig.timer, mono_add_ms(clock_mono(), ms));
    loop_run(rig.loop);
}

static void
add(int number, const char *host, enum tracker_need need)
{
    cr_assert_eq(tracker_queue_add(rig.queue, &rig.asks[number].entry, host, need), 0);
}

Test(tracker_queue, needs_go_before_hosts_and_hosts_alternate)
{
    static const int order[] = {5, 3, 4, 0, 2, 1};

    start();
    add(0, "a", TRACKER_NEED_SEED);
    add(1, "a", TRACKER_NEED_SEED);
    add(2, "b", TRACKER_NEED_SEED);
    add(3, "b", TRACKER_NEED_DOWNLOAD);
    add(4, "b", TRACKER_NEED_DOWNLOAD);
    add(5, "a", TRACKER_NEED_STOPPED);
    cr_expect_eq(rig.began_count, 0, "nothing begins within the call");
    while (rig.began_count < 6)
        run_ms(1);
    cr_expect_arr_eq(rig.began, order, sizeof(order));
    cr_expect_arr_eq(rig.told, order, sizeof(order));
    stop();
}

Test(tracker_queue, an_entry_that_cannot_begin_keeps_its_place)
{
    struct mono again;
    bool silent;
    int entered = 0;

    start();
    add(0, "a", TRACKER_NEED_SEED);
    add(1, "a", TRACKER_NEED_SEED);
    rig.refusals = 2;
    while (rig.began_count < 2)
        run_ms(1);
    cr_expect_eq(rig.refused, 2);
    cr_expect_eq(rig.began[0], 0);
    cr_expect_eq(rig.told_count, 2, "a refused beginning is not told");
    /* The gate counts the two that began, and no refused attempt. */
    while (tracker_gate_enter(rig.gate, "a", true, clock_mono(), &again, &silent))
        entered++;
    cr_expect_eq(entered, TRACKER_GATE_HOST_ASKS - 2);
    while (entered-- > 0)
        tracker_gate_leave(rig.gate, "a", true, clock_mono());
    stop();
}

Test(tracker_queue, entries_at_a_silent_host_are_told_once)
{
    struct mono long_ago = clock_mono(), again;
    bool silent;

    start();
    long_ago.us -= 1000000 * (int64_t)TRACKER_GATE_SILENT_MS / 1000;
    for (int i = 0; i < TRACKER_GATE_HOST_ASKS; i++)
        cr_assert(tracker_gate_enter(rig.gate, "a", true, long_ago, &again, &silent));
    add(0, "a", TRACKER_NEED_SEED);
    add(1, "a", TRACKER_NEED_DOWNLOAD);
    while (rig.told_count < 2)
        run_ms(1);
    add(2, "a", TRACKER_NEED_SEED);
    while (rig.told_count < 3)
        run_ms(1);
    cr_expect_eq(rig.told[2], 2, "a new entry is told too");
    cr_expect_eq(rig.began_count, 0);
    tracker_queue_remove(rig.queue, &rig.asks[1].entry, false);
    for (int i = 0; i < TRACKER_GATE_HOST_ASKS; i++)
        tracker_gate_leave(rig.gate, "a", true, clock_mono());
    while (rig.began_count < 2)
        run_ms(1);
    cr_expect_eq(rig.began[0], 0);
    cr_expect_eq(rig.began[1], 2);
    cr_expect_eq(rig.told_count, 3, "told when the host was silent, not again");
    stop();
}

Test(tracker_queue, a_removed_entry_leaves_the_gate)
{
    start();
    for (int i = 0; i < ENTRIES; i++)
        add(i, "a", TRACKER_NEED_STOPPED);
    while (rig.began_count < TRACKER_GATE_HOST_ASKS)
        run_ms(1);
    run_ms(1);
    cr_expect_eq(rig.began_count, TRACKER_GATE_HOST_ASKS);
    tracker_queue_remove(rig.queue, &rig.asks[ENTRIES - 1].entry, false);
    tracker_queue_remove(rig.queue, &rig.asks[0].entry, true);
    while (rig.began_count < TRACKER_GATE_HOST_ASKS + 1)
        run_ms(1);
    cr_expect_eq(rig.began[TRACKER_GATE_HOST_ASKS], TRACKER_GATE_HOST_ASKS);
    stop();
}
