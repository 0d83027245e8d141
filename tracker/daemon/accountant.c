/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The thread waits on one condition variable for jobs, for ledgers that fill up, and for the next
 * time at which something is due.
 */
#include "tracker/daemon/accountant.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/ds/list.h"
#include "common/sys/clock.h"
#include "common/sys/lock.h"
#include "common/sys/thread.h"
#include "tracker/daemon/flusher.h"
#include "tracker/daemon/memberfeed.h"
#include "tracker/store/accounts.h"

enum {
    ACCOUNTANT_MAGIC = 0x61636374,
    LOOK_MS = 1000, /* between two checks whether another process changed the database */
};

struct accountant {
    uint32_t magic;
    const struct log *log;
    struct accountant_config config;
    struct members *members;
    struct registry *registry; /* used by the thread alone, once it runs */
    struct memberfeed feed;
    struct flusher flusher;
    struct mono flush_at, look_at, forget_at;
    struct accounts_forgetter forgetter;

    struct thread thread;
    bool started;
    struct lock lock; /* protects all below */
    struct cond rang; /* the thread has something to do */
    struct cond idle; /* a job has ended */
    struct list jobs;
    unsigned njobs;
    struct accountant_job *running;
    bool flush_now, stopping;
};

struct accountant_desk {
    struct accountant *accountant;
    struct loop_waker *waker;
    struct list finished; /* protected by the accountant's lock */
};

struct accountant_job {
    struct list link;
    struct accountant_desk *desk;
    int (*work)(void *user, struct registry *r, struct errbuf *eb);
    void (*done)(void *user, int err, const char *why);
    void *user;
    int err;
    struct errbuf why;
};

/* ---- periodic work ---- */

static void
flush(struct accountant *a)
{
    uint32_t next_s = flusher_flush(&a->flusher);

    a->flush_at = mono_add_ms(clock_mono(), INT64_C(1000) * next_s);
}

static void
read_changes(struct accountant *a)
{
    members_set_unix_offset(a->members, clock_unix_offset_us());
    memberfeed_look(&a->feed);
    a->look_at = mono_add_ms(clock_mono(), LOOK_MS);
}

static void
delete_old_sessions(struct accountant *a)
{
    int64_t before = clock_unix() - (int64_t)a->config.retention_s;
    struct errbuf eb = {""};
    int err = accounts_forget(a->registry, before, &a->forgetter, &eb);
    bool more = err == 0 && a->forgetter.user != 0;

    if (err != 0)
        log_event(a->log, LOG_ERROR, "old sessions cannot be deleted", log_reason(eb.text));
    a->forget_at = mono_add_ms(
        clock_mono(), INT64_C(1000) * (more ? ACCOUNTANT_FORGET_PART_S : ACCOUNTANT_FORGET_S));
}

/* Called from a worker when its ledger is half full. It has no effect while a batch fails: the next
 * batch can't be taken before that one is stored. */
static void
on_full(void *ctx)
{
    struct accountant *a = ctx;

    MAGIC_CHECK(a, ACCOUNTANT_MAGIC);
    lock_take(&a->lock);
    a->flush_now = true;
    cond_signal(&a->rang);
    lock_drop(&a->lock);
}

/* ---- jobs ---- */

/* Called with the lock held; releases it while the job runs. */
static void
run_job(struct accountant *a)
{
    struct accountant_job *j = LIST_ENTRY(list_pop_front(&a->jobs), struct accountant_job, link);

    a->njobs--;
    a->running = j;
    lock_drop(&a->lock);
    j->err = j->work(j->user, a->registry, &j->why);
    memberfeed_read(&a->feed);
    lock_take(&a->lock);
    a->running = NULL;
    list_push_back(&j->desk->finished, &j->link);
    loop_waker_wake(j->desk->waker);
    cond_broadcast(&a->idle);
}

static void
finish(struct accountant_job *j)
{
    j->done(j->user, j->err, j->err != 0 ? j->why.text : "");
    free(j);
}

static struct accountant_job *
next_finished(struct accountant_desk *d)
{
    struct list *link;

    lock_take(&d->accountant->lock);
    link = list_pop_front(&d->finished);
    lock_drop(&d->accountant->lock);
    return link != NULL ? LIST_ENTRY(link, struct accountant_job, link) : NULL;
}

static void
on_finished(void *ctx)
{
    struct accountant_desk *d = ctx;
    struct accountant_job *j;

    while ((j = next_finished(d)) != NULL)
        finish(j);
}

struct accountant_desk *
accountant_desk_new(struct accountant *a, struct loop *l)
{
    struct accountant_desk *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->accountant = a;
    list_init(&d->finished);
    d->waker = loop_waker_new(l, on_finished, d);
    if (d->waker == NULL) {
        free(d);
        return NULL;
    }
    return d;
}

void
accountant_desk_free(struct accountant_desk *d)
{
    struct accountant *a;

    if (d == NULL)
        return;
    a = d->accountant;
    lock_take(&a->lock);
    LIST_EACH_SAFE (it, &a->jobs) {
        struct accountant_job *j = LIST_ENTRY(it, struct accountant_job, link);

        if (j->desk != d)
            continue;
        list_remove(&j->link);
        a->njobs--;
        j->err = errbuf_set(&j->why, SPRAT_E_CANCELLED, "the tracker is stopping");
        list_push_back(&d->finished, &j->link);
    }
    while (a->running != NULL && a->running->desk == d)
        cond_wait(&a->idle, &a->lock);
    lock_drop(&a->lock);
    on_finished(d);
    loop_waker_free(d->waker);
    free(d);
}

int
accountant_ask(struct accountant_desk *d,
               int (*work)(void *user, struct registry *r, struct errbuf *eb),
               void (*done)(void *user, int err, const char *why), void *user)
{
    struct accountant *a = d->accountant;
    struct accountant_job *j = calloc(1, sizeof(*j));
    int err = 0;

    if (j == NULL)
        return SPRAT_E_NOMEM;
    *j = (struct accountant_job){.desk = d, .work = work, .done = done, .user = user};
    lock_take(&a->lock);
    if (a->njobs >= ACCOUNTANT_JOBS_MAX) {
        err = SPRAT_E_AGAIN;
    } else {
        list_push_back(&a->jobs, &j->link);
        a->njobs++;
        cond_signal(&a->rang);
    }
    lock_drop(&a->lock);
    if (err != 0)
        free(j);
    return err;
}

/* ---- the thread ---- */

/* Waits until there is something to do. Called with the lock held. */
static void
wait_for_work(struct accountant *a)
{
    struct mono until = mono_min(a->look_at, a->flush_at);

    while (list_empty(&a->jobs) && !a->stopping && !(a->flush_now && !a->flusher.has_batch))
        if (!cond_wait_until(&a->rang, &a->lock, until))
            return;
}

/* Does the periodic work that is due. Called without the lock. */
static void
do_what_is_due(struct accountant *a, bool flush_now)
{
    struct mono now = clock_mono();

    if (mono_due(a->look_at, now))
        read_changes(a);
    if (mono_due(a->flush_at, now) || (flush_now && !a->flusher.has_batch))
        flush(a);
    if (mono_due(a->forget_at, now))
        delete_old_sessions(a);
}

static void *
thread_main(void *arg)
{
    struct accountant *a = arg;

    MAGIC_CHECK(a, ACCOUNTANT_MAGIC);
    lock_take(&a->lock);
    while (!a->stopping) {
        bool flush_now;

        wait_for_work(a);
        while (!list_empty(&a->jobs))
            run_job(a);
        flush_now = a->flush_now;
        a->flush_now = false;
        lock_drop(&a->lock);
        do_what_is_due(a, flush_now);
        lock_take(&a->lock);
    }
    lock_drop(&a->lock);
    return NULL;
}

static int
apply(void *ctx, const struct accounts_batch *b, struct accounts_result *out, struct errbuf *eb)
{
    struct accountant *a = ctx;

    return accounts_apply(a->registry, b, out, eb);
}

static int
open_database(struct accountant *a, const char *path, struct errbuf *eb)
{
    int err = registry_open(path, true, &a->registry, eb);

    if (err != 0)
        return err;
    flusher_init(&a->flusher, apply, a, a->members, a->log);
    return memberfeed_init(&a->feed, a->registry, a->members, a->log, eb);
}

int
accountant_new(const char *path, struct members *members, const struct accountant_config *config,
               const struct log *log, struct accountant **out, struct errbuf *eb)
{
    struct accountant *a = calloc(1, sizeof(*a));
    int err;

    if (a == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(a, ACCOUNTANT_MAGIC);
    a->log = log;
    a->config = *config;
    a->members = members;
    a->flusher.period_s = config->period_s;
    a->flusher.rate_possible = config->rate_possible;
    list_init(&a->jobs);
    lock_init(&a->lock);
    cond_init(&a->rang);
    cond_init(&a->idle);
    err = open_database(a, path, eb);
    if (err != 0) {
        accountant_free(a);
        return err;
    }
    members_on_full(members, on_full, a);
    a->look_at = a->forget_at = clock_mono();
    a->flush_at = mono_add_ms(a->look_at, INT64_C(1000) * config->period_s);
    *out = a;
    return 0;
}

int
accountant_start(struct accountant *a)
{
    a->started = thread_start(&a->thread, thread_main, a) == 0;
    return a->started ? 0 : SPRAT_E_NOMEM;
}

void
accountant_free(struct accountant *a)
{
    if (a == NULL)
        return;
    MAGIC_CHECK(a, ACCOUNTANT_MAGIC);
    if (a->started) {
        lock_take(&a->lock);
        a->stopping = true;
        cond_signal(&a->rang);
        lock_drop(&a->lock);
        thread_join(&a->thread);
        flusher_flush_last(&a->flusher);
    }
    ASSERT(list_empty(&a->jobs));
    flusher_fini(&a->flusher);
    registry_close(a->registry);
    cond_fini(&a->idle);
    cond_fini(&a->rang);
    lock_fini(&a->lock);
    MAGIC_CLEAR(a);
    free(a);
}

void
accountant_get_stats(struct accountant *a, struct flusher_stats *out)
{
    flusher_get_stats(&a->flusher, out);
}
