/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Worker threads and their queues. One mutex guards all queues of a pool; since a job is at least
 * 16 KiB of hashing and copying, the lock is rarely contended.
 */
#include "peer/store/diskpool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "common/sys/lock.h"
#include "common/sys/pagecache.h"
#include "common/sys/thread.h"
#include "peer/store/warmhash.h"

enum {
    READ_FIRST_EVERY = 2,  /* of two jobs, one may be a read before the worker's own jobs */
    BACKGROUND_EVERY = 16, /* of 16 jobs, one is background work first, so that it never starves */
};

struct worker {
    struct disk_worker lent;
    struct thread thread;
    struct cond wake;
    struct list own; /* DISK_ORDERED jobs of this worker */
    unsigned turn;
    bool idle;
    const struct disk_lane *lane; /* of the slow job that it runs; NULL: none */
    unsigned long long device;    /* of that job, when it began */
    uint64_t mount;               /* of that job */
};

struct disk_pool {
    struct lock lock;
    struct list reads;
    struct list background;
    struct list slow;
    atomic_uint jobs; /* waiting or running, without slow ones */
    bool is_slow;     /* the workers run slow jobs only */
    bool stopping;
    unsigned started; /* started threads */
    unsigned ready;   /* workers that are set up */
    unsigned count;
    struct worker workers[];
};

/* The queue for the next job; NULL when all are empty. The lock must be held. */
static struct list *
choose_queue(struct disk_pool *p, struct worker *w)
{
    struct list *order[3] = {&w->own, &p->reads, &p->background};

    w->turn++;
    if (w->turn % READ_FIRST_EVERY == 0) {
        order[0] = &p->reads;
        order[1] = &w->own;
    }
    if (w->turn % BACKGROUND_EVERY == 0) {
        order[2] = order[1];
        order[1] = order[0];
        order[0] = &p->background;
    }
    for (int i = 0; i < 3; i++)
        if (!list_empty(order[i]))
            return order[i];
    return NULL;
}

/* Takes the first job and the following ones that can be joined with it. The lock must be held. */
static size_t
take_batch(struct list *queue, struct disk_job *batch[DISK_BATCH_MAX])
{
    size_t n = 0;

    batch[n++] = LIST_ENTRY(list_pop_front(queue), struct disk_job, link);
    while (n < DISK_BATCH_MAX && !list_empty(queue)) {
        struct disk_job *next = LIST_ENTRY(queue->next, struct disk_job, link);
        if (batch[0]->class->joins == NULL || !batch[0]->class->joins(batch[0], next))
            break;
        list_remove(&next->link);
        batch[n++] = next;
    }
    return n;
}

/* The lock is held. A woken worker is no longer idle, so that the next job wakes another one. */
static void
wake(struct worker *w)
{
    w->idle = false;
    cond_signal(&w->wake);
}

/* Wakes a worker that has nothing to do, if there is one. The lock is held. */
static void
wake_any(struct disk_pool *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (p->workers[i].idle) {
            wake(&p->workers[i]);
            return;
        }
    }
}

/* Whether a job of this lane may begin. The lock is held. */
static bool
is_free(const struct disk_pool *p, const struct disk_lane *lane)
{
    unsigned long long device = atomic_load(&lane->device);
    unsigned guesses = 0, on_mount = 0;

    for (unsigned i = 0; i < p->count; i++) {
        const struct worker *w = &p->workers[i];

        if (w->lane != NULL && (w->lane == lane || w->device == device))
            return false;
        if (w->lane == NULL || (w->device & DISK_DEVICE_GUESS) == 0)
            continue;
        guesses++;
        on_mount += w->mount == lane->mount;
    }
    return (device & DISK_DEVICE_GUESS) == 0 ||
           (guesses < DISK_SLOW_GUESSES && on_mount < DISK_MOUNT_GUESSES);
}

/* Takes the first slow job that may begin; 0 if there is none. The lock is held. */
static size_t
take_slow(struct disk_pool *p, struct worker *w, struct disk_job *batch[DISK_BATCH_MAX])
{
    w->lane = NULL;
    LIST_EACH (it, &p->slow) {
        struct disk_job *job = LIST_ENTRY(it, struct disk_job, link);

        if (!is_free(p, job->lane))
            continue;
        list_remove(&job->link);
        w->lane = job->lane;
        w->device = atomic_load(&job->lane->device);
        w->mount = job->lane->mount;
        batch[0] = job;
        if (!list_empty(&p->slow)) /* the end of a job can let more than one begin */
            wake_any(p);
        return 1;
    }
    return 0;
}

/* What the worker runs next: how many jobs, 0 if there is nothing. The lock is held. */
static size_t
take_next(struct disk_pool *p, struct worker *w, struct disk_job *batch[DISK_BATCH_MAX])
{
    struct list *queue;

    if (p->is_slow)
        return take_slow(p, w, batch);
    queue = choose_queue(p, w);
    return queue != NULL ? take_batch(queue, batch) : 0;
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    struct disk_pool *p = w->lent.pool;
    struct disk_job *batch[DISK_BATCH_MAX];

    lock_take(&p->lock);
    for (;;) {
        size_t n = take_next(p, w, batch);
        if (n == 0 && p->stopping)
            break;
        if (n == 0) {
            w->idle = true;
            cond_wait(&w->wake, &p->lock);
            w->idle = false;
            continue;
        }
        const struct disk_job_class *class = batch[0]->class;
        lock_drop(&p->lock);
        class->run(&w->lent, batch, n);
        if (!p->is_slow)
            atomic_fetch_sub(&p->jobs, (unsigned)n);
        lock_take(&p->lock);
    }
    lock_drop(&p->lock);
    return NULL;
}

static int
worker_init(struct disk_pool *p, struct disk *d, unsigned index)
{
    struct worker *w = &p->workers[index];

    list_init(&w->own);
    cond_init(&w->wake);
    w->lent = (struct disk_worker){
        .disk = d,
        .pool = p,
        .index = index,
        .warm = warmhash_new(DISK_PIECE_CONTEXTS_MAX),
        .scratch = pagecache_buffer(DISK_SCRATCH_LEN),
    };
    return w->lent.warm != NULL && w->lent.scratch != NULL ? 0 : SPRAT_E_NOMEM;
}

static int
start_workers(struct disk_pool *p)
{
    int err = 0;

    for (; p->started < p->count && err == 0; p->started += err == 0)
        err = thread_start(&p->workers[p->started].thread, worker_main, &p->workers[p->started]);
    return err;
}

int
disk_pool_new(struct disk *d, unsigned workers, bool slow, struct disk_pool **out)
{
    struct disk_pool *p = calloc(1, sizeof(*p) + workers * sizeof(p->workers[0]));
    int err = 0;

    if (p == NULL)
        return SPRAT_E_NOMEM;
    lock_init(&p->lock);
    list_init(&p->reads);
    list_init(&p->background);
    list_init(&p->slow);
    p->is_slow = slow;
    p->count = workers;
    for (; p->ready < workers && err == 0; p->ready++)
        err = worker_init(p, d, p->ready);
    if (err == 0)
        err = start_workers(p);
    if (err != 0) {
        disk_pool_free(p);
        return err;
    }
    *out = p;
    return 0;
}

void
disk_pool_free(struct disk_pool *p)
{
    if (p == NULL)
        return;
    lock_take(&p->lock);
    p->stopping = true;
    for (unsigned i = 0; i < p->started; i++)
        cond_signal(&p->workers[i].wake);
    lock_drop(&p->lock);
    for (unsigned i = 0; i < p->started; i++)
        thread_join(&p->workers[i].thread);
    for (unsigned i = 0; i < p->ready; i++) {
        warmhash_free(p->workers[i].lent.warm);
        free(p->workers[i].lent.scratch);
        cond_fini(&p->workers[i].wake);
    }
    lock_fini(&p->lock);
    free(p);
}

int
disk_pool_take_room(struct disk_pool *p)
{
    if (atomic_fetch_add(&p->jobs, 1) < DISK_QUEUE_MAX)
        return 0;
    atomic_fetch_sub(&p->jobs, 1);
    return SPRAT_E_AGAIN;
}

/* Queues the job at its worker. True if the worker slept and must be signalled. The lock must be
 * held. */
static bool
push_ordered(struct disk_pool *p, struct disk_job *job)
{
    struct worker *w = &p->workers[job->key % p->count];
    bool idle = w->idle;

    list_push_back(&w->own, &job->link);
    w->idle = false;
    return idle;
}

/* Signals the workers after the lock is dropped, so that they don't wake up only to wait for it. */
void
disk_pool_submit_all(struct disk_pool *p, struct list *jobs)
{
    bool sleeps[DISK_THREADS_MAX] = {false};
    struct list *link;

    lock_take(&p->lock);
    while ((link = list_pop_front(jobs)) != NULL) {
        struct disk_job *job = LIST_ENTRY(link, struct disk_job, link);

        if (push_ordered(p, job))
            sleeps[job->key % p->count] = true;
    }
    lock_drop(&p->lock);
    for (unsigned i = 0; i < p->count; i++)
        if (sleeps[i])
            cond_signal(&p->workers[i].wake);
}

int
disk_pool_submit(struct disk_pool *p, struct disk_job *job, enum disk_class class)
{
    if (!p->is_slow && disk_pool_take_room(p) != 0)
        return SPRAT_E_AGAIN;
    list_init(&job->link);
    lock_take(&p->lock);
    switch (class) {
    case DISK_ORDERED:
        if (push_ordered(p, job))
            cond_signal(&p->workers[job->key % p->count].wake);
        break;
    case DISK_READ:
        list_push_back(&p->reads, &job->link);
        wake_any(p);
        break;
    case DISK_BACKGROUND:
        list_push_back(&p->background, &job->link);
        wake_any(p);
        break;
    case DISK_SLOW:
    case DISK_LOOK:
        list_push_back(&p->slow, &job->link);
        wake_any(p);
        break;
    }
    lock_drop(&p->lock);
    return 0;
}

void
disk_pool_submit_to(struct disk_pool *p, struct disk_job *job, unsigned worker)
{
    list_init(&job->link);
    atomic_fetch_add(&p->jobs, 1);
    lock_take(&p->lock);
    list_push_back(&p->workers[worker].own, &job->link);
    wake(&p->workers[worker]);
    lock_drop(&p->lock);
}
