/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks that all loops of the process still run, for a service manager that restarts a process
 * which hangs. The watchdog wakes each watched loop, and calls beat() when all have answered.
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

/* Watches |n| loops, which are borrowed and may run in other threads; |loop| calls the handler.
 * beat() is called at most every half |period_ms|, for the first time at once. NULL when memory is
 * out. */
struct watchdog *watchdog_new(struct loop *loop, struct loop *const *watched, unsigned n,
                              int64_t period_ms, const struct watchdog_handler *handler);

/* Call when no watched loop runs any more, before they are freed. NULL is legal. */
void watchdog_free(struct watchdog *w);

#endif
