/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small pool of threads around getaddrinfo(). The threads share one counted object with the
 * resolver and are never joined: a name server that does not answer must not delay the end of the
 * process.
 */
#include "common/ev/resolve.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/ds/list.h"
#include "common/sys/addr.h"
#include "common/sys/lock.h"
#include "common/sys/thread.h"

#define RESOLVER_MAGIC 0x52455352u
#define RESOLVE_MAGIC  0x52455351u

/* The data that the threads and the resolver share. |refs|: one for the resolver and one per
 * thread. */
struct shared {
    struct lock lock;
    struct cond work;
    unsigned refs;
    unsigned threads, idle;
    bool closed;
    struct loop_waker *waker; /* used with the lock held, and only while not closed */
    struct list queued;
    struct list done;
};

enum resolve_state { RESOLVE_QUEUED, RESOLVE_RUNNING, RESOLVE_DONE };

struct resolve {
    uint32_t magic;
    struct shared *shared;
    struct resolver *owner;
    struct list link; /* on |queued| or |done|; on no list while a thread works on it */
    enum resolve_state state;
    bool cancelled;
    char host[RESOLVE_HOST_MAX + 1];
    uint16_t port;
    int err;
    size_t count;
    struct endpoint addrs[RESOLVE_ADDRS_MAX];
    void (*fn)(void *ctx, int err, const struct endpoint *addrs, size_t count);
    void *ctx;
};

struct resolver {
    uint32_t magic;
    struct shared *shared;
    unsigned pending;
};

static void
job_free(struct resolve *job)
{
    MAGIC_CLEAR(job);
    free(job);
}

static void
free_jobs(struct list *jobs)
{
    struct list *link;

    while ((link = list_pop_front(jobs)) != NULL)
        job_free(LIST_ENTRY(link, struct resolve, link));
}

/* Drops a reference and the lock, which must be held. The last reference frees. */
static void
shared_drop(struct shared *sh)
{
    bool last = --sh->refs == 0;

    lock_drop(&sh->lock);
    if (!last)
        return;
    free_jobs(&sh->queued);
    free_jobs(&sh->done);
    cond_fini(&sh->work);
    lock_fini(&sh->lock);
    free(sh);
}

static void
add_address(struct resolve *job, const struct addrinfo *ai)
{
    struct endpoint e;

    if (job->count == RESOLVE_ADDRS_MAX ||
        addr_from_sockaddr(ai->ai_addr, ai->ai_addrlen, &e) != 0)
        return;
    e.port = job->port;
    for (size_t i = 0; i < job->count; i++)
        if (endpoint_equal(&job->addrs[i], &e))
            return;
    job->addrs[job->count++] = e;
}

static void
look_up(struct resolve *job)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;

    if (getaddrinfo(job->host, NULL, &hints, &all) == 0)
        for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next)
            add_address(job, ai);
    if (all != NULL)
        freeaddrinfo(all);
    job->err = job->count > 0 ? 0 : SPRAT_E_RESOLVE;
}

/* Called with the lock held. */
static void
hand_back(struct shared *sh, struct resolve *job)
{
    job->state = RESOLVE_DONE;
    list_push_back(&sh->done, &job->link);
    if (!sh->closed)
        loop_waker_wake(sh->waker);
}

static void *
thread_main(void *arg)
{
    struct shared *sh = arg;
    struct list *link;

    lock_take(&sh->lock);
    for (;;) {
        while (!sh->closed && list_empty(&sh->queued)) {
            sh->idle++;
            cond_wait(&sh->work, &sh->lock);
            sh->idle--;
        }
        if (sh->closed)
            break;
        link = list_pop_front(&sh->queued);
        struct resolve *job = LIST_ENTRY(link, struct resolve, link);

        job->state = RESOLVE_RUNNING;
        lock_drop(&sh->lock);
        look_up(job);
        lock_take(&sh->lock);
        hand_back(sh, job);
    }
    shared_drop(sh);
    return NULL;
}

/* Called with the lock held. */
static bool
start_thread(struct shared *sh)
{
    if (thread_start_detached(thread_main, sh) != 0)
        return false;
    sh->refs++;
    sh->threads++;
    return true;
}

static void
deliver(struct resolver *r, struct resolve *job)
{
    r->pending--;
    if (!job->cancelled)
        job->fn(job->ctx, job->err, job->addrs, job->count);
    job_free(job);
}

static void
on_done(void *ctx)
{
    struct resolver *r = ctx;
    struct shared *sh;
    struct list *link;

    MAGIC_CHECK(r, RESOLVER_MAGIC);
    sh = r->shared;
    for (;;) {
        lock_take(&sh->lock);
        link = list_pop_front(&sh->done);
        lock_drop(&sh->lock);
        if (link == NULL)
            break;
        deliver(r, LIST_ENTRY(link, struct resolve, link));
    }
}

struct resolver *
resolver_new(struct loop *l)
{
    struct resolver *r = calloc(1, sizeof(*r));
    struct shared *sh = calloc(1, sizeof(*sh));
    struct loop_waker *waker = r != NULL ? loop_waker_new(l, on_done, r) : NULL;

    if (sh == NULL || waker == NULL) {
        loop_waker_free(waker);
        free(sh);
        free(r);
        return NULL;
    }
    MAGIC_SET(r, RESOLVER_MAGIC);
    r->shared = sh;
    sh->refs = 1;
    sh->waker = waker;
    list_init(&sh->queued);
    list_init(&sh->done);
    lock_init(&sh->lock);
    cond_init(&sh->work);
    return r;
}

void
resolver_free(struct resolver *r)
{
    struct loop_waker *waker;

    if (r == NULL)
        return;
    MAGIC_CHECK(r, RESOLVER_MAGIC);
    lock_take(&r->shared->lock);
    waker = r->shared->waker;
    r->shared->waker = NULL;
    r->shared->closed = true;
    cond_broadcast(&r->shared->work);
    shared_drop(r->shared);
    loop_waker_free(waker);
    MAGIC_CLEAR(r);
    free(r);
}

/* Queues the job, or answers it at once if no look-up is needed. */
static int
submit(struct shared *sh, struct resolve *job)
{
    int err = 0;

    lock_take(&sh->lock);
    if (addr_parse_ip(job->host, job->port, &job->addrs[0]) == 0) {
        job->count = 1;
        hand_back(sh, job);
    } else {
        if (sh->idle == 0 && sh->threads < RESOLVE_THREADS_MAX && !start_thread(sh) &&
            sh->threads == 0)
            err = SPRAT_E_NOMEM;
        if (err == 0) {
            list_push_back(&sh->queued, &job->link);
            cond_signal(&sh->work);
        }
    }
    lock_drop(&sh->lock);
    return err;
}

struct resolve *
resolve_start(struct resolver *r, const char *host, uint16_t port,
              void (*fn)(void *ctx, int err, const struct endpoint *addrs, size_t count), void *ctx)
{
    struct resolve *job;

    MAGIC_CHECK(r, RESOLVER_MAGIC);
    if (strlen(host) > RESOLVE_HOST_MAX || r->pending >= RESOLVE_PENDING_MAX)
        return NULL;
    job = calloc(1, sizeof(*job));
    if (job == NULL)
        return NULL;
    MAGIC_SET(job, RESOLVE_MAGIC);
    list_init(&job->link);
    strcpy(job->host, host);
    job->port = port;
    job->shared = r->shared;
    job->owner = r;
    job->fn = fn;
    job->ctx = ctx;
    if (submit(r->shared, job) != 0) {
        job_free(job);
        return NULL;
    }
    r->pending++;
    return job;
}

void
resolve_cancel(struct resolve *job)
{
    struct shared *sh;
    bool queued;

    if (job == NULL)
        return;
    MAGIC_CHECK(job, RESOLVE_MAGIC);
    sh = job->shared;
    lock_take(&sh->lock);
    job->cancelled = true;
    queued = job->state == RESOLVE_QUEUED;
    if (queued)
        list_remove(&job->link);
    lock_drop(&sh->lock);
    /* A running or finished job still reaches on_done(), which drops it. */
    if (queued) {
        job->owner->pending--;
        job_free(job);
    }
}
