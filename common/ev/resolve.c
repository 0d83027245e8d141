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
#define LOOKUP_MAGIC   0x52455350u
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

enum lookup_state { LOOKUP_QUEUED, LOOKUP_RUNNING, LOOKUP_DONE };

/* A look-up of one name, with all jobs that wait for it. The members before |all| are for the
 * threads and the loop, |all| and |waiters| for the loop only. */
struct lookup {
    uint32_t magic;
    struct list link; /* on |queued| or |done|; on no list while a thread works on it */
    enum lookup_state state;
    char host[RESOLVE_HOST_MAX + 1];
    int err;
    size_t count;
    struct endpoint addrs[RESOLVE_ADDRS_MAX];
    struct list all; /* on the resolver's |lookups|: new jobs for this name can join */
    struct list waiters;
};

struct resolve {
    uint32_t magic;
    struct list link; /* of the look-up's waiters */
    struct resolver *owner;
    struct lookup *lookup;
    uint16_t port;
    void (*fn)(void *ctx, int err, const struct endpoint *addrs, size_t count);
    void *ctx;
};

struct resolver {
    uint32_t magic;
    struct shared *shared;
    struct list lookups;
    unsigned pending; /* look-ups, including those without waiters */
};

static void
lookup_free(struct lookup *l)
{
    MAGIC_CLEAR(l);
    free(l);
}

static void
free_jobs(struct list *jobs)
{
    struct list *link;

    while ((link = list_pop_front(jobs)) != NULL)
        lookup_free(LIST_ENTRY(link, struct lookup, link));
}

static void
resolve_free(struct resolve *job)
{
    list_remove(&job->link);
    MAGIC_CLEAR(job);
    free(job);
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
add_address(struct lookup *job, const struct addrinfo *ai)
{
    struct endpoint e;

    if (job->count == RESOLVE_ADDRS_MAX ||
        addr_from_sockaddr(ai->ai_addr, ai->ai_addrlen, &e) != 0)
        return;
    e.port = 0;
    for (size_t i = 0; i < job->count; i++)
        if (endpoint_equal(&job->addrs[i], &e))
            return;
    job->addrs[job->count++] = e;
}

static void
look_up(struct lookup *job)
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
hand_back(struct shared *sh, struct lookup *job)
{
    job->state = LOOKUP_DONE;
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
        struct lookup *job = LIST_ENTRY(link, struct lookup, link);

        job->state = LOOKUP_RUNNING;
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
answer(struct resolve *job)
{
    struct endpoint addrs[RESOLVE_ADDRS_MAX];
    const struct lookup *l = job->lookup;
    void (*fn)(void *, int, const struct endpoint *, size_t) = job->fn;
    uint16_t port = job->port;
    void *ctx = job->ctx;

    memcpy(addrs, l->addrs, sizeof(addrs));
    for (size_t i = 0; i < l->count; i++)
        addrs[i].port = port;
    resolve_free(job);
    fn(ctx, l->err, addrs, l->count);
}

/* Calls back all jobs that wait for the name. A callback may cancel other waiting jobs. */
static void
deliver(struct resolver *r, struct lookup *l)
{
    r->pending--;
    list_remove(&l->all); /* jobs that are started by a callback can't join any more */
    while (!list_empty(&l->waiters))
        answer(LIST_ENTRY(l->waiters.next, struct resolve, link));
    lookup_free(l);
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
        deliver(r, LIST_ENTRY(link, struct lookup, link));
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
    list_init(&r->lookups);
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
    LIST_EACH_SAFE(it, &r->lookups) {
        struct lookup *l = LIST_ENTRY(it, struct lookup, all);

        LIST_EACH_SAFE(w, &l->waiters)
            resolve_free(LIST_ENTRY(w, struct resolve, link));
        list_remove(&l->all);
    }
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
submit(struct shared *sh, struct lookup *job)
{
    int err = 0;

    lock_take(&sh->lock);
    if (addr_parse_ip(job->host, 0, &job->addrs[0]) == 0) {
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

static struct lookup *
find_lookup(struct resolver *r, const char *host)
{
    LIST_EACH(it, &r->lookups) {
        struct lookup *l = LIST_ENTRY(it, struct lookup, all);

        if (strcmp(l->host, host) == 0)
            return l;
    }
    return NULL;
}

static struct lookup *
start_lookup(struct resolver *r, const char *host)
{
    struct lookup *l;

    if (r->pending >= RESOLVE_PENDING_MAX)
        return NULL;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    MAGIC_SET(l, LOOKUP_MAGIC);
    list_init(&l->link);
    list_init(&l->all);
    list_init(&l->waiters);
    strcpy(l->host, host);
    if (submit(r->shared, l) != 0) {
        lookup_free(l);
        return NULL;
    }
    list_push_back(&r->lookups, &l->all);
    r->pending++;
    return l;
}

struct resolve *
resolve_start(struct resolver *r, const char *host, uint16_t port,
              void (*fn)(void *ctx, int err, const struct endpoint *addrs, size_t count), void *ctx)
{
    struct resolve *job;
    struct lookup *l;

    MAGIC_CHECK(r, RESOLVER_MAGIC);
    if (strlen(host) > RESOLVE_HOST_MAX)
        return NULL;
    job = calloc(1, sizeof(*job));
    if (job == NULL)
        return NULL;
    l = find_lookup(r, host);
    if (l == NULL)
        l = start_lookup(r, host);
    if (l == NULL) {
        free(job);
        return NULL;
    }
    MAGIC_SET(job, RESOLVE_MAGIC);
    job->owner = r;
    job->lookup = l;
    job->port = port;
    job->fn = fn;
    job->ctx = ctx;
    list_init(&job->link);
    list_push_back(&l->waiters, &job->link);
    return job;
}

/* Removes a look-up without waiters from the queue. A look-up that is running or done is dropped by
 * on_done(), unless a new job joins it before. */
static void
drop_lookup(struct resolver *r, struct lookup *l)
{
    bool queued;

    lock_take(&r->shared->lock);
    queued = l->state == LOOKUP_QUEUED;
    if (queued)
        list_remove(&l->link);
    lock_drop(&r->shared->lock);
    if (!queued)
        return;
    list_remove(&l->all);
    r->pending--;
    lookup_free(l);
}

void
resolve_cancel(struct resolve *job)
{
    struct lookup *l;
    struct resolver *r;

    if (job == NULL)
        return;
    MAGIC_CHECK(job, RESOLVE_MAGIC);
    l = job->lookup;
    r = job->owner;
    resolve_free(job);
    if (list_empty(&l->waiters))
        drop_lookup(r, l);
}
