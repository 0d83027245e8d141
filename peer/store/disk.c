/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Worker threads and their queues. One mutex guards all queues; since a job is at least 16 KiB of
 * hashing and copying, the lock is rarely contended.
 */
#include "peer/store/disk.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/base/assert.h"
#include "common/sys/lock.h"
#include "common/sys/pagecache.h"
#include "common/sys/processors.h"
#include "common/sys/thread.h"
#include "peer/store/diskjob.h"
#include "peer/store/warmhash.h"

enum {
    READ_FIRST_EVERY = 2,  /* every that many jobs, a read goes before a worker's own jobs */
    BACKGROUND_EVERY = 16, /* every that many jobs, background work goes first, so that it never
                              starves */
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
};

struct disk {
    struct lock lock;
    struct list reads;
    struct list background;
    struct list slow;
    atomic_uint jobs; /* waiting or running, without slow ones */
    uint32_t storages;
    bool stopping;
    struct openfiles *open;
    struct claims *claims;
    unsigned started; /* started threads */
    unsigned ready;   /* workers that are set up */
    unsigned count;   /* workers; DISK_SLOW_THREADS more are for slow jobs only */
    struct worker workers[];
};

/* The queue for the next job; NULL when all are empty. The lock must be held. */
static struct list *
choose_queue(struct disk *d, struct worker *w)
{
    struct list *order[3] = {&w->own, &d->reads, &d->background};

    w->turn++;
    if (w->turn % READ_FIRST_EVERY == 0) {
        order[0] = &d->reads;
        order[1] = &w->own;
    }
    if (w->turn % BACKGROUND_EVERY == 0) {
        order[2] = order[1];
        order[1] = order[0];
        order[0] = &d->background;
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

/* Wakes a worker that has nothing to do, if there is one, of |count| from |first| on. The lock is
 * held. */
static void
wake_any(struct disk *d, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        if (d->workers[i].idle) {
            wake(&d->workers[i]);
            return;
        }
    }
}

static bool
is_slow(const struct disk *d, const struct worker *w)
{
    return w->lent.index >= d->count;
}

/* Whether a job of this lane may begin. The lock is held. */
static bool
is_free(const struct disk *d, const struct disk_lane *lane)
{
    for (unsigned i = 0; i < DISK_SLOW_THREADS; i++) {
        const struct worker *w = &d->workers[d->count + i];

        if (w->lane != NULL && (w->lane == lane || w->device == atomic_load(&lane->device)))
            return false;
    }
    return true;
}

/* Takes the first slow job that may begin; 0 if there is none. The lock is held. */
static size_t
take_slow(struct disk *d, struct worker *w, struct disk_job *batch[DISK_BATCH_MAX])
{
    w->lane = NULL;
    LIST_EACH(it, &d->slow) {
        struct disk_job *job = LIST_ENTRY(it, struct disk_job, link);

        if (!is_free(d, job->lane))
            continue;
        list_remove(&job->link);
        w->lane = job->lane;
        w->device = atomic_load(&job->lane->device);
        batch[0] = job;
        if (!list_empty(&d->slow)) /* the end of a job can let more than one begin */
            wake_any(d, d->count, DISK_SLOW_THREADS);
        return 1;
    }
    return 0;
}

/* What the worker runs next: how many jobs, 0 if there is nothing. The lock is held. */
static size_t
take_next(struct disk *d, struct worker *w, struct disk_job *batch[DISK_BATCH_MAX])
{
    struct list *queue;

    if (is_slow(d, w))
        return take_slow(d, w, batch);
    queue = choose_queue(d, w);
    return queue != NULL ? take_batch(queue, batch) : 0;
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    struct disk *d = w->lent.disk;
    struct disk_job *batch[DISK_BATCH_MAX];

    lock_take(&d->lock);
    for (;;) {
        size_t n = take_next(d, w, batch);
        if (n == 0 && d->stopping)
            break;
        if (n == 0) {
            w->idle = true;
            cond_wait(&w->wake, &d->lock);
            w->idle = false;
            continue;
        }
        const struct disk_job_class *class = batch[0]->class;
        lock_drop(&d->lock);
        class->run(&w->lent, batch, n);
        if (!is_slow(d, w))
            atomic_fetch_sub(&d->jobs, (unsigned)n);
        lock_take(&d->lock);
    }
    lock_drop(&d->lock);
    return NULL;
}

static int
worker_init(struct disk *d, unsigned index)
{
    struct worker *w = &d->workers[index];

    list_init(&w->own);
    cond_init(&w->wake);
    w->lent = (struct disk_worker){
        .disk = d,
        .index = index,
        .warm = warmhash_new(DISK_PIECE_CONTEXTS_MAX),
        .scratch = pagecache_buffer(DISK_SCRATCH_LEN),
    };
    return w->lent.warm != NULL && w->lent.scratch != NULL ? 0 : SPRAT_E_NOMEM;
}

static int
start_workers(struct disk *d)
{
    int err = 0;

    for (; d->started < d->count + DISK_SLOW_THREADS && err == 0; d->started += err == 0)
        err = thread_start(&d->workers[d->started].thread, worker_main, &d->workers[d->started]);
    return err;
}

static unsigned
thread_count(unsigned asked)
{
    unsigned cpus = processors_usable();
    unsigned n = asked != 0 ? asked : cpus > DISK_THREADS_MIN ? cpus : DISK_THREADS_MIN;

    return n < DISK_THREADS_MAX ? n : DISK_THREADS_MAX;
}

/* The cache uses at most a quarter of the process's descriptor limit: connections need descriptors
 * too, and each worker needs one beyond the cache. */
static uint32_t
open_files_max(const struct disk_options *opt)
{
    uint32_t max = opt->open_files_max != 0 ? opt->open_files_max : DISK_OPEN_FILES_MAX;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < max)
        max = (uint32_t)(limit.rlim_cur / 4);
    return max;
}

/* Guards of files that are being written (claims.h) use at most an eighth of the limit. */
static uint32_t
guards_max(void)
{
    uint32_t max = CLAIMS_GUARDS_MAX;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 8 < max)
        max = (uint32_t)(limit.rlim_cur / 8);
    return max;
}

int
disk_new(const struct disk_options *opt, struct disk **out, struct errbuf *eb)
{
    unsigned n = thread_count(opt->threads);
    struct disk *d = calloc(1, sizeof(*d) + (n + DISK_SLOW_THREADS) * sizeof(d->workers[0]));
    int err = 0;

    if (d == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    lock_init(&d->lock);
    list_init(&d->reads);
    list_init(&d->background);
    list_init(&d->slow);
    d->count = n;
    d->claims = claims_new(guards_max());
    d->open = d->claims != NULL ? openfiles_new(open_files_max(opt), d->claims) : NULL;
    if (d->open == NULL || d->claims == NULL)
        err = SPRAT_E_NOMEM;
    for (; d->ready < n + DISK_SLOW_THREADS && err == 0; d->ready++)
        err = worker_init(d, d->ready);
    if (err == 0)
        err = start_workers(d);
    if (err != 0) {
        disk_free(d);
        return errbuf_set(eb, err, "can't start disk threads: %s", sprat_strerror(err));
    }
    *out = d;
    return 0;
}

void
disk_free(struct disk *d)
{
    if (d == NULL)
        return;
    lock_take(&d->lock);
    ASSERT(d->storages == 0);
    d->stopping = true;
    for (unsigned i = 0; i < d->started; i++)
        cond_signal(&d->workers[i].wake);
    lock_drop(&d->lock);
    for (unsigned i = 0; i < d->started; i++)
        thread_join(&d->workers[i].thread);
    for (unsigned i = 0; i < d->ready; i++) {
        warmhash_free(d->workers[i].lent.warm);
        free(d->workers[i].lent.scratch);
        cond_fini(&d->workers[i].wake);
    }
    openfiles_free(d->open);
    claims_free(d->claims);
    lock_fini(&d->lock);
    free(d);
}

unsigned
disk_threads(const struct disk *d)
{
    return d->count;
}

int
disk_take_room(struct disk *d)
{
    if (atomic_fetch_add(&d->jobs, 1) < DISK_QUEUE_MAX)
        return 0;
    atomic_fetch_sub(&d->jobs, 1);
    return SPRAT_E_AGAIN;
}

/* Queues the job at its worker. True if the worker slept and must be signalled. The lock must be
 * held. */
static bool
push_ordered(struct disk *d, struct disk_job *job)
{
    struct worker *w = &d->workers[job->key % d->count];
    bool idle = w->idle;

    list_push_back(&w->own, &job->link);
    w->idle = false;
    return idle;
}

/* Signals the workers after the lock is dropped, so that they don't wake up only to wait for it. */
void
disk_submit_all(struct disk *d, struct list *jobs)
{
    bool sleeps[DISK_THREADS_MAX] = {false};
    struct list *link;

    lock_take(&d->lock);
    while ((link = list_pop_front(jobs)) != NULL) {
        struct disk_job *job = LIST_ENTRY(link, struct disk_job, link);

        if (push_ordered(d, job))
            sleeps[job->key % d->count] = true;
    }
    lock_drop(&d->lock);
    for (unsigned i = 0; i < d->count; i++)
        if (sleeps[i])
            cond_signal(&d->workers[i].wake);
}

int
disk_submit(struct disk *d, struct disk_job *job, enum disk_class class)
{
    if (class != DISK_SLOW && disk_take_room(d) != 0)
        return SPRAT_E_AGAIN;
    list_init(&job->link);
    lock_take(&d->lock);
    switch (class) {
    case DISK_ORDERED:
        if (push_ordered(d, job))
            cond_signal(&d->workers[job->key % d->count].wake);
        break;
    case DISK_READ:
        list_push_back(&d->reads, &job->link);
        wake_any(d, 0, d->count);
        break;
    case DISK_BACKGROUND:
        list_push_back(&d->background, &job->link);
        wake_any(d, 0, d->count);
        break;
    case DISK_SLOW:
        list_push_back(&d->slow, &job->link);
        wake_any(d, d->count, DISK_SLOW_THREADS);
        break;
    }
    lock_drop(&d->lock);
    return 0;
}

void
disk_submit_to(struct disk *d, struct disk_job *job, unsigned worker)
{
    list_init(&job->link);
    atomic_fetch_add(&d->jobs, 1);
    lock_take(&d->lock);
    list_push_back(&d->workers[worker].own, &job->link);
    wake(&d->workers[worker]);
    lock_drop(&d->lock);
}

struct openfiles *
disk_openfiles(struct disk *d)
{
    return d->open;
}

struct claims *
disk_claims(struct disk *d)
{
    return d->claims;
}

void
disk_attach(struct disk *d)
{
    lock_take(&d->lock);
    d->storages++;
    lock_drop(&d->lock);
}

void
disk_detach(struct disk *d)
{
    lock_take(&d->lock);
    d->storages--;
    lock_drop(&d->lock);
}
