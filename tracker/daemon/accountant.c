/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A thread that waits for jobs, seconds and flushes.
 */
#include "tracker/daemon/accountant.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "common/ds/list.h"
#include "common/sys/clock.h"
#include "tracker/store/accounts.h"

enum {
    ACCOUNTANT_MAGIC = 0x61636374,
    LOOK_MS = 1000, /* how often the database is looked at for changes by others */
};

struct accountant {
    uint32_t magic;
    struct log log;
    struct accountant_config config;
    struct members *members;
    struct registry *registry; /* the thread's alone, once that runs */
    int64_t change, data_version;

    /* The batch at hand: taken from the ledgers and not in the database yet. */
    struct ledger_page pages[MEMBERS_STRIPES];
    int64_t run, seq;
    bool has_batch;
    unsigned failed_tries;
    struct mono flush_at, look_at, forget_at;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t rang;  /* something for the thread to do */
    pthread_cond_t idle;  /* a job is through */
    struct list jobs;
    unsigned njobs;
    struct accountant_job *running;
    bool flush_now, stopping;
    struct accountant_stats stats;
};

struct accountant_desk {
    struct accountant *accountant;
    struct loop_waker *waker;
    struct list finished; /* under the accountant's lock */
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

int64_t
accountant_unix_offset(void)
{
    return clock_unix() - clock_mono().us / 1000000;
}

/* ---- bringing the members' table up to date ---- */

static int
put_user(void *ctx, const struct access_user *u)
{
    struct accountant *a = ctx;
    int err = access_put_user(members_lock(a->members), u);

    members_unlock(a->members);
    return err;
}

static int
put_passkey(void *ctx, const struct access_passkey *k)
{
    struct accountant *a = ctx;
    int err = access_put_passkey(members_lock(a->members), k);

    members_unlock(a->members);
    return err;
}

static int
put_torrent(void *ctx, const struct access_torrent *t)
{
    struct accountant *a = ctx;
    int err = access_put_torrent(members_lock(a->members), t);

    members_unlock(a->members);
    return err;
}

static int
put_hash(void *ctx, const uint8_t hash[20], uint32_t torrent)
{
    struct accountant *a = ctx;
    int err = access_put_hash(members_lock(a->members), hash, torrent);

    members_unlock(a->members);
    return err;
}

static int
put_client(void *ctx, const char *prefix, enum access_client rule)
{
    struct accountant *a = ctx;
    int err = access_put_client(members_lock(a->members), prefix, rule);

    members_unlock(a->members);
    return err;
}

/* Each row by itself: workers get in between two of them. */
static int
read_changes(struct accountant *a, struct errbuf *eb)
{
    struct registry_sink sink = {
        .ctx = a,
        .user = put_user,
        .passkey = put_passkey,
        .torrent = put_torrent,
        .hash = put_hash,
        .client = put_client,
    };

    return registry_read_changes(a->registry, &a->change, &sink, eb);
}

static void
look_for_changes(struct accountant *a)
{
    struct errbuf eb = {""};
    int64_t version = a->data_version;
    int err = registry_data_version(a->registry, &version, &eb);

    members_set_unix_offset(a->members, accountant_unix_offset());
    if (err == 0 && version == a->data_version)
        return;
    if (err == 0)
        err = read_changes(a, &eb);
    if (err == 0)
        a->data_version = version;
    else
        log_error(&a->log, "changes of users and torrents wait: %s", eb.text);
}

/* ---- flushing ---- */

/* Takes all entries as the next batch, unless there are none. */
static void
take_batch(struct accountant *a)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < MEMBERS_STRIPES; i++) {
        members_swap(a->members, i, &a->pages[i]);
        count += a->pages[i].count;
    }
    a->has_batch = count > 0;
    a->seq += count > 0;
    pthread_mutex_lock(&a->lock);
    a->stats.waiting = count;
    pthread_mutex_unlock(&a->lock);
}

static void
end_batch(struct accountant *a)
{
    for (unsigned i = 0; i < MEMBERS_STRIPES; i++)
        ledger_page_clear(&a->pages[i]);
    a->has_batch = false;
    a->failed_tries = 0;
}

static uint64_t
batch_count(const struct accountant *a)
{
    uint64_t count = 0;

    for (unsigned i = 0; a->has_batch && i < MEMBERS_STRIPES; i++)
        count += a->pages[i].count;
    return count;
}

static void
on_applied(struct accountant *a, const struct accounts_result *r)
{
    pthread_mutex_lock(&a->lock);
    a->stats.flushes++;
    a->stats.waiting = 0;
    a->stats.entries += r->entries;
    a->stats.signals += r->signals;
    a->stats.flushed_s = clock_unix();
    a->stats.failing = false;
    pthread_mutex_unlock(&a->lock);
    if (a->failed_tries > 0)
        log_info(&a->log, "the accounts are stored again");
    if (r->replayed)
        log_info(&a->log, "a batch of the accounts had come through after all");
    if (r->strangers > 0)
        log_warn(&a->log,
                 "%" PRIu64 " sessions are of users or torrents that the database does not have",
                 r->strangers);
}

static void
on_failed(struct accountant *a, const char *why)
{
    pthread_mutex_lock(&a->lock);
    a->stats.failures++;
    a->stats.failing = true;
    pthread_mutex_unlock(&a->lock);
    log_error(&a->log, "the accounts of %" PRIu64 " sessions wait: %s", batch_count(a), why);
}

static int64_t
backoff_s(unsigned failed_tries)
{
    return failed_tries > 6 ? ACCOUNTANT_BACKOFF_MAX_S : INT64_C(1) << (failed_tries - 1);
}

/* The same batch until it is through, with the same number. */
static int
apply_batch(struct accountant *a)
{
    struct accounts_batch batch = {
        .run = a->run,
        .seq = a->seq,
        .unix_s = clock_unix(),
        .pages = a->pages,
        .npages = MEMBERS_STRIPES,
        .rate_possible = a->config.rate_possible,
        .gap_max_s = a->config.gap_max_s,
    };
    struct accounts_result result;
    struct errbuf eb = {""};
    int err = accounts_apply(a->registry, &batch, &result, &eb);

    if (err != 0) {
        on_failed(a, eb.text);
        a->failed_tries++;
        return err;
    }
    on_applied(a, &result);
    end_batch(a);
    return 0;
}

/* What came up while a batch was tried again is flushed right behind it. */
static void
flush(struct accountant *a)
{
    int64_t next_s = a->failed_tries > 0 ? 0 : (int64_t)a->config.period_s;

    if (!a->has_batch)
        take_batch(a);
    if (a->has_batch && apply_batch(a) != 0)
        next_s = backoff_s(a->failed_tries);
    a->flush_at = mono_add_ms(clock_mono(), 1000 * next_s);
}

static void
forget(struct accountant *a)
{
    struct errbuf eb = {""};

    if (accounts_forget(a->registry, clock_unix() - (int64_t)a->config.retention_s, &eb) != 0)
        log_error(&a->log, "old sessions stay: %s", eb.text);
    a->forget_at = mono_add_ms(clock_mono(), INT64_C(1000) * ACCOUNTANT_FORGET_S);
}

/* From a worker. While a batch fails, it would not help. */
static void
on_full(void *ctx)
{
    struct accountant *a = ctx;

    MAGIC_CHECK(a, ACCOUNTANT_MAGIC);
    pthread_mutex_lock(&a->lock);
    a->flush_now = true;
    pthread_cond_signal(&a->rang);
    pthread_mutex_unlock(&a->lock);
}

/* ---- jobs ---- */

/* The lock is held, and let go meanwhile. */
static void
run_job(struct accountant *a)
{
    struct accountant_job *j = LIST_ENTRY(list_pop_front(&a->jobs), struct accountant_job, link);
    struct errbuf eb = {""};

    a->njobs--;
    a->running = j;
    pthread_mutex_unlock(&a->lock);
    j->err = j->work(j->user, a->registry, &j->why);
    if (read_changes(a, &eb) != 0)
        log_error(&a->log, "changes of users and torrents wait: %s", eb.text);
    pthread_mutex_lock(&a->lock);
    a->running = NULL;
    list_push_back(&j->desk->finished, &j->link);
    loop_waker_wake(j->desk->waker);
    pthread_cond_broadcast(&a->idle);
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

    pthread_mutex_lock(&d->accountant->lock);
    link = list_pop_front(&d->finished);
    pthread_mutex_unlock(&d->accountant->lock);
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
    pthread_mutex_lock(&a->lock);
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
        pthread_cond_wait(&a->idle, &a->lock);
    pthread_mutex_unlock(&a->lock);
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
    pthread_mutex_lock(&a->lock);
    if (a->njobs >= ACCOUNTANT_JOBS_MAX) {
        err = SPRAT_E_AGAIN;
    } else {
        list_push_back(&a->jobs, &j->link);
        a->njobs++;
        pthread_cond_signal(&a->rang);
    }
    pthread_mutex_unlock(&a->lock);
    if (err != 0)
        free(j);
    return err;
}

/* ---- the thread ---- */

/* Waits until there is something to do; the lock is held. */
static void
wait_for_work(struct accountant *a)
{
    struct mono until = mono_min(a->look_at, a->flush_at);
    struct timespec at = {.tv_sec = until.us / 1000000, .tv_nsec = until.us % 1000000 * 1000};

    while (list_empty(&a->jobs) && !a->stopping && !(a->flush_now && !a->has_batch))
        if (pthread_cond_timedwait(&a->rang, &a->lock, &at) == ETIMEDOUT)
            return;
}

/* What the clock asks for; without the lock. */
static void
do_what_is_due(struct accountant *a, bool flush_now)
{
    struct mono now = clock_mono();

    if (mono_due(a->look_at, now)) {
        look_for_changes(a);
        a->look_at = mono_add_ms(clock_mono(), LOOK_MS);
    }
    if (mono_due(a->flush_at, now) || (flush_now && !a->has_batch))
        flush(a);
    if (mono_due(a->forget_at, now))
        forget(a);
}

static void *
thread_main(void *arg)
{
    struct accountant *a = arg;

    MAGIC_CHECK(a, ACCOUNTANT_MAGIC);
    pthread_mutex_lock(&a->lock);
    while (!a->stopping) {
        bool flush_now;

        wait_for_work(a);
        while (!list_empty(&a->jobs))
            run_job(a);
        flush_now = a->flush_now;
        a->flush_now = false;
        pthread_mutex_unlock(&a->lock);
        do_what_is_due(a, flush_now);
        pthread_mutex_lock(&a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* What a failing batch holds up, and then what came since. */
static void
flush_last(struct accountant *a)
{
    if (a->has_batch)
        flush(a);
    if (!a->has_batch)
        flush(a);
    if (a->has_batch)
        log_error(&a->log,
                  "the last counters of %" PRIu64 " sessions are not stored: what their "
                  "clients report next makes up for it, or is missing",
                  batch_count(a) + members_waiting(a->members));
}

static void
init_cond(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    ASSERT(pthread_condattr_init(&attr) == 0);
    ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(c, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
}

static int
load(struct accountant *a, const char *path, struct errbuf *eb)
{
    int err = registry_open(path, true, &a->registry, eb);

    if (err == 0)
        err = registry_data_version(a->registry, &a->data_version, eb);
    if (err == 0)
        err = read_changes(a, eb);
    return err;
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
    a->log = *log;
    a->config = *config;
    a->members = members;
    random_bytes(&a->run, sizeof(a->run));
    list_init(&a->jobs);
    ASSERT(pthread_mutex_init(&a->lock, NULL) == 0);
    init_cond(&a->rang);
    init_cond(&a->idle);
    err = load(a, path, eb);
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
    sigset_t all, before;
    int err;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&a->thread, NULL, thread_main, a);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    a->started = err == 0;
    return err == 0 ? 0 : SPRAT_E_NOMEM;
}

void
accountant_free(struct accountant *a)
{
    if (a == NULL)
        return;
    MAGIC_CHECK(a, ACCOUNTANT_MAGIC);
    if (a->started) {
        pthread_mutex_lock(&a->lock);
        a->stopping = true;
        pthread_cond_signal(&a->rang);
        pthread_mutex_unlock(&a->lock);
        (void)pthread_join(a->thread, NULL);
        flush_last(a);
    }
    ASSERT(list_empty(&a->jobs));
    for (unsigned i = 0; i < MEMBERS_STRIPES; i++)
        ledger_page_fini(&a->pages[i]);
    registry_close(a->registry);
    (void)pthread_cond_destroy(&a->idle);
    (void)pthread_cond_destroy(&a->rang);
    (void)pthread_mutex_destroy(&a->lock);
    MAGIC_CLEAR(a);
    free(a);
}

void
accountant_get_stats(struct accountant *a, struct accountant_stats *out)
{
    pthread_mutex_lock(&a->lock);
    *out = a->stats;
    pthread_mutex_unlock(&a->lock);
    out->waiting += members_waiting(a->members);
}
