/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list under a mutex; one wake-up of the loop per batch of jobs.
 */
#include "peer/store/doneq.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/sys/clock.h"
#include "common/sys/lock.h"

struct doneq {
    struct lock lock;
    struct cond filled;
    struct list items;
    size_t count;    /* items in the list */
    size_t expected; /* jobs that were announced and not yet drained */
    void (*notify)(void *ctx);
    void *ctx;
};

struct doneq *
doneq_new(void (*notify)(void *ctx), void *ctx)
{
    struct doneq *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    cond_init(&q->filled);
    lock_init(&q->lock);
    list_init(&q->items);
    q->notify = notify;
    q->ctx = ctx;
    return q;
}

void
doneq_free(struct doneq *q)
{
    if (q == NULL)
        return;
    lock_take(&q->lock); /* the thread that put the last job may still hold it */
    ASSERT(q->expected == 0 && list_empty(&q->items));
    lock_drop(&q->lock);
    cond_fini(&q->filled);
    lock_fini(&q->lock);
    free(q);
}

bool
doneq_idle(struct doneq *q)
{
    bool idle;

    lock_take(&q->lock);
    idle = q->expected == 0;
    lock_drop(&q->lock);
    return idle;
}

void
doneq_expect(struct doneq *q)
{
    lock_take(&q->lock);
    q->expected++;
    lock_drop(&q->lock);
}

void
doneq_unexpect(struct doneq *q)
{
    lock_take(&q->lock);
    q->expected--;
    lock_drop(&q->lock);
}

void
doneq_put_all(struct doneq *q, struct list *items, size_t n)
{
    bool first;

    if (list_empty(items))
        return;
    lock_take(&q->lock);
    first = list_empty(&q->items);
    list_append(&q->items, items);
    q->count += n;
    if (first)
        cond_signal(&q->filled);
    /* Under the lock: as soon as the last job can be drained, the loop may free the queue and what
     * |notify| wakes. */
    if (first && q->notify != NULL)
        q->notify(q->ctx);
    lock_drop(&q->lock);
}

void
doneq_put(struct doneq *q, struct doneq_item *item)
{
    struct list one;

    list_init(&one);
    list_init(&item->link);
    list_push_back(&one, &item->link);
    doneq_put_all(q, &one, 1);
}

size_t
doneq_drain(struct doneq *q)
{
    struct list batch, *link;
    size_t n;

    list_init(&batch);
    lock_take(&q->lock);
    list_append(&batch, &q->items);
    n = q->count;
    q->count = 0;
    ASSERT(q->expected >= n);
    q->expected -= n;
    lock_drop(&q->lock);
    while ((link = list_pop_front(&batch)) != NULL) {
        struct doneq_item *item = LIST_ENTRY(link, struct doneq_item, link);
        item->run(item);
    }
    return n;
}

size_t
doneq_wait(struct doneq *q, int timeout_ms)
{
    struct mono until = mono_add_ms(clock_mono(), timeout_ms);
    bool in_time = timeout_ms != 0;

    lock_take(&q->lock);
    while (list_empty(&q->items) && in_time)
        if (timeout_ms < 0)
            cond_wait(&q->filled, &q->lock);
        else
            in_time = cond_wait_until(&q->filled, &q->lock, until);
    lock_drop(&q->lock);
    return doneq_drain(q);
}
