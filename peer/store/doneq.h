/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A queue of finished jobs, from worker threads to a loop: workers put jobs in, and the loop drains
 * the queue and runs the jobs' callbacks on its own thread. Each loop has one queue. The queue
 * knows nothing about the content of the jobs.
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

/* |notify| (may be NULL) is called from any thread when a job enters an empty queue: it makes the
 * loop call doneq_drain() soon. It must not call the queue, whose lock is held. NULL when memory is
 * out. */
struct doneq *doneq_new(void (*notify)(void *ctx), void *ctx);

/* Frees the queue, which must be empty and without jobs under way (asserted). NULL is legal. */
void doneq_free(struct doneq *q);

/* Runs the callbacks of all jobs that are finished at the time of the call and returns their
 * number. Jobs that finish during the callbacks wait for the next call, so the function always
 * returns. Loop thread only. */
size_t doneq_drain(struct doneq *q);

/* For callers without a loop (blocking commands, tests): waits until a job is finished or
 * |timeout_ms| have passed (-1: no timeout), then drains. Returns what doneq_drain() returns. */
size_t doneq_wait(struct doneq *q, int timeout_ms);

/* True when no job is under way or waits to be drained. */
bool doneq_idle(struct doneq *q);

/* For modules that submit jobs: doneq_expect() counts a job as under way (so that doneq_free() can
 * assert), doneq_unexpect() takes that back, and doneq_put() reports the job as finished. */
void doneq_expect(struct doneq *q);
void doneq_unexpect(struct doneq *q);
void doneq_put(struct doneq *q, struct doneq_item *item);
/* doneq_put() for the |n| items of a list; empties the list. */
void doneq_put_all(struct doneq *q, struct list *items, size_t n);

#endif
