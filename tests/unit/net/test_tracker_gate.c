/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The number of announces that may begin, in all and at one tracker host.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "peer/net/tracker_gate.h"

struct look {
    struct tracker_gate *gate;
    struct mono now, again;
    bool silent;
};

static void
start(struct look *l)
{
    *l = (struct look){.gate = tracker_gate_new(), .now = {.us = 5000000}};
    cr_assert_not_null(l->gate);
}

/* Lets in as many as may begin at this moment, of |max|. */
static int
enter(struct look *l, const char *host, bool urgent, int max)
{
    int n = 0;

    while (n < max &&
           tracker_gate_enter(l->gate, host, urgent, l->now, &l->again, &l->silent))
        n++;
    return n;
}

static void
leave(struct look *l, const char *host, bool answered, int n)
{
    for (int i = 0; i < n; i++)
        tracker_gate_leave(l->gate, host, answered, l->now);
}

Test(tracker_gate, the_rate_of_a_host_and_of_the_process)
{
    struct look l;
    char host[16];
    int all = 0;

    start(&l);
    cr_expect_eq(enter(&l, "one", false, 1000), TRACKER_GATE_HOST_RATE);
    leave(&l, "one", true, TRACKER_GATE_HOST_RATE);
    cr_expect_gt(l.again.us, l.now.us);
    l.now = l.again;
    cr_expect_eq(enter(&l, "one", false, 1000), 1, "one at a time from now on");
    leave(&l, "one", true, 1);
    l.now.us += 10000000;
    for (int i = 0; i < 20; i++) {
        snprintf(host, sizeof(host), "host%d", i);
        int n = enter(&l, host, false, 1000);

        leave(&l, host, true, n);
        all += n;
    }
    cr_expect_eq(all, TRACKER_GATE_RATE);
    cr_expect_eq(enter(&l, "host0", true, 3), 3, "\"stopped\" waits for no rate");
    leave(&l, "host0", true, 3);
    tracker_gate_free(l.gate);
}

Test(tracker_gate, a_host_that_does_not_answer_is_asked_by_few)
{
    struct look l;
    int in = 0;

    start(&l);
    for (int i = 0; i < 100; i++) {
        in += enter(&l, "dead", false, 1000);
        l.now.us += 1000000;
    }
    cr_expect_eq(in, TRACKER_GATE_HOST_ASKS);
    cr_expect(l.silent);
    cr_expect_eq(enter(&l, "dead", true, 1000), 0, "nor by those that are urgent");
    cr_expect_eq(enter(&l, "other", false, 1), 1);
    cr_expect_not(l.silent);
    leave(&l, "dead", true, 1);
    cr_expect_eq(enter(&l, "dead", false, 1000), 1);
    enter(&l, "dead", false, 1);
    cr_expect_not(l.silent, "it has just answered");
    leave(&l, "dead", false, TRACKER_GATE_HOST_ASKS);
    leave(&l, "other", true, 1);
    tracker_gate_free(l.gate);
}
