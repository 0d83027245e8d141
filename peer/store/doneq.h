/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way back from worker threads to a loop: workers put finished jobs in, the loop drains them
 * and runs their callbacks on its own thread. One queue per loop; knows nothing of what the jobs
 * were.
 */
#ifndef PEER_STORE_DONEQ_H
#define PEER_STORE_DONEQ_H

#include <stdbool.h>
#include <stddef.h>

#include "common/ds/list.h"

struct doneq;

/* Embedded in the job; |run| is called once on the draining thread and owns the job from then
 * on. */
struct doneq_item {
    struct list link;
    void (*run)(struct doneq_item *item);
};

/* |notify| (may be NULL) is called from any thread, without locks held, when the queue was empty
 * and something came in: it makes the loop call doneq_drain() soon. NULL when memory is out. */
struct doneq *doneq_new(void (*notify)(void *ctx), void *ctx);

/* Must be empty and without jobs under way (asserted). NULL is legal. */
void doneq_free(struct doneq *q);

/* Runs the callbacks of everything that is finished now and returns how many they were. What the
 * callbacks finish themselves is left for the next call, so it returns. Loop thread only. */
size_t doneq_drain(struct doneq *q);

/* For those without a loop (blocking commands, tests): waits until something is finished or
 * |timeout_ms| have passed (-1: for ever), then drains. Returns what doneq_drain() returns. */
size_t doneq_wait(struct doneq *q, int timeout_ms);

/* True when no job is under way or waits to be drained. */
bool doneq_idle(struct doneq *q);

/* For the makers of jobs: announces one (so that doneq_free can tell), takes that back, and reports
 * it finished. */
void doneq_expect(struct doneq *q);
void doneq_unexpect(struct doneq *q);
void doneq_put(struct doneq *q, struct doneq_item *item);
/* The same for the |n| items of a list, which is empty afterwards. */
void doneq_put_all(struct doneq *q, struct list *items, size_t n);

#endif
