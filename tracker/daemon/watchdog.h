/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tells whether all loops of the process still run, for a service manager that restarts a process
 * which hangs: each watched loop is asked for an answer, and a beat is due when all have answered.
 */
#ifndef TRACKER_DAEMON_WATCHDOG_H
#define TRACKER_DAEMON_WATCHDOG_H

#include "common/ev/loop.h"

struct watchdog;

struct watchdog_handler {
    void *ctx;
    void (*beat)(void *ctx); /* every loop answered since the last beat */
    /* Loop |i| has not answered for |period_ms|; called once until it answers. */
    void (*stuck)(void *ctx, unsigned i);
};

/* |loop| is the loop that calls the handler; it watches |n| loops, which are borrowed and may have
 * threads of their own. A beat comes at most every half |period_ms|, the first at once. NULL when
 * memory is out. */
struct watchdog *watchdog_new(struct loop *loop, struct loop *const *watched, unsigned n,
                              int64_t period_ms, const struct watchdog_handler *handler);

/* Before the watched loops are freed, and when none of them runs any more. NULL is legal. */
void watchdog_free(struct watchdog *w);

#endif
