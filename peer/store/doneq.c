/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list under a mutex, and one wake-up per batch.
 */
#include "peer/store/doneq.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/assert.h"

struct doneq {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct list items;
    size_t count;    /* of them */
    size_t expected; /* announced and not yet drained */
    void (*notify)(void *ctx);
    void *ctx;
};

struct doneq *
doneq_new(void (*notify)(void *ctx), void *ctx)
{
    struct doneq *q = calloc(1, sizeof(*q));
    pthread_condattr_t attr;

    if (q == NULL)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->filled, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&q->lock, NULL);
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
    ASSERT(q->expected == 0 && list_empty(&q->items));
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

bool
doneq_idle(struct doneq *q)
{
    bool idle;

    pthread_mutex_lock(&q->lock);
    idle = q->expected == 0;
    pthread_mutex_unlock(&q->lock);
    return idle;
}

void
doneq_expect(struct doneq *q)
{
    pthread_mutex_lock(&q->lock);
    q->expected++;
    pthread_mutex_unlock(&q->lock);
}

void
doneq_unexpect(struct doneq *q)
{
    pthread_mutex_lock(&q->lock);
    q->expected--;
    pthread_mutex_unlock(&q->lock);
}

void
doneq_put_all(struct doneq *q, struct list *items, size_t n)
{
    bool first;

    if (list_empty(items))
        return;
    pthread_mutex_lock(&q->lock);
    first = list_empty(&q->items);
    list_append(&q->items, items);
    q->count += n;
    if (first)
        pthread_cond_signal(&q->filled);
    pthread_mutex_unlock(&q->lock);
    if (first && q->notify != NULL)
        q->notify(q->ctx);
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
    pthread_mutex_lock(&q->lock);
    list_append(&batch, &q->items);
    n = q->count;
    q->count = 0;
    ASSERT(q->expected >= n);
    q->expected -= n;
    pthread_mutex_unlock(&q->lock);
    while ((link = list_pop_front(&batch)) != NULL) {
        struct doneq_item *item = LIST_ENTRY(link, struct doneq_item, link);
        item->run(item);
    }
    return n;
}

size_t
doneq_wait(struct doneq *q, int timeout_ms)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    if (timeout_ms > 0) {
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
    }
    pthread_mutex_lock(&q->lock);
    while (list_empty(&q->items) && rc == 0 && timeout_ms != 0)
        rc = timeout_ms < 0 ? pthread_cond_wait(&q->filled, &q->lock)
                            : pthread_cond_timedwait(&q->filled, &q->lock, &until);
    pthread_mutex_unlock(&q->lock);
    return doneq_drain(q);
}
