/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each socket belongs to a front (http_front.h, udp_front.h), which runs on the worker's loop.
 */
#include "tracker/daemon/worker.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "common/sys/clock.h"
#include "common/sys/lock.h"
#include "common/sys/thread.h"

enum {
    WORKER_MAGIC = 0x776f726b,
    TICK_MS = 1000, /* between two sweeps of the shard for expired peers */
    HTTP_FRONTS_MAX = 2 * SETTINGS_LISTEN_MAX, /* HTTP and HTTPS */
};

struct worker {
    uint32_t magic;
    const struct worker_common *common;
    unsigned index; /* of the worker and of the shard that it sweeps */
    struct loop *loop;
    struct loop_timer *tick;
    struct loop_waker *stop, *news, *new_secret;
    struct lock secret_lock;
    uint8_t secret[MAC_KEY_LEN]; /* of connection ids, in use now */
    struct cluster_link *link;   /* of the shard; NULL without a cluster */
    struct thread thread;
    bool started;
    struct shards_visit visit;
    struct members_visit members_visit;
    struct http_service http;
    struct udp_service udp;
    struct http_front *http_fronts[HTTP_FRONTS_MAX];
    struct udp_front *udp_fronts[SETTINGS_LISTEN_MAX];
    size_t nhttp, nudp;
};

/* Sets the shard's Unix time, which the trackers of a cluster must agree on. Called with the shard
 * locked. */
static void
tell_time(struct worker *w, struct tracker *t, struct mono now)
{
    int64_t unix_s = clock_unix();

    if (w->common->cluster == NULL)
        return;
    tracker_set_unix(t, unix_s, now);
    udp_service_set_clock(&w->udp, unix_s - now.us / 1000000);
}

/* A large number of expired peers is removed in portions, with network events between them. */
static void
on_tick(void *ctx)
{
    struct worker *w = ctx;
    struct tracker *t;
    struct mono now;
    bool more;

    MAGIC_CHECK(w, WORKER_MAGIC);
    now = loop_now(w->loop);
    t = shards_lock(w->common->shards, w->index);
    tell_time(w, t, now);
    tracker_on_timer(t, now);
    more = mono_due(tracker_expiry(t), now);
    shards_unlock(w->common->shards, w->index);
    loop_timer_set(w->tick, more ? now : mono_add_ms(now, TICK_MS));
}

static void
on_stop(void *ctx)
{
    struct worker *w = ctx;

    MAGIC_CHECK(w, WORKER_MAGIC);
    loop_stop(w->loop);
}

static void
make_private(struct worker *w, struct members *m)
{
    struct tracker_gate gate;

    members_visit_init(&w->members_visit, m);
    gate = members_gate(&w->members_visit);
    http_service_set_gate(&w->http, &gate);
    udp_service_set_gate(&w->udp, &gate);
}

/* ---- requests that wait ---- */

static uint64_t
parked(const struct worker *w)
{
    uint64_t n = 0;

    for (size_t i = 0; i < w->nhttp; i++)
        n += http_front_parked(w->http_fronts[i]);
    for (size_t i = 0; i < w->nudp; i++)
        n += udp_front_parked(w->udp_fronts[i]);
    return n;
}

static void
on_news(void *ctx)
{
    struct worker *w = ctx;

    MAGIC_CHECK(w, WORKER_MAGIC);
    for (size_t i = 0; i < w->nudp; i++)
        udp_front_poke(w->udp_fronts[i]);
    for (size_t i = 0; i < w->nhttp; i++)
        http_front_poke(w->http_fronts[i]);
}

void
worker_poke(struct worker *w)
{
    if (parked(w) > 0)
        loop_waker_wake(w->news);
}

/* Wakes all workers, since requests about this shard may wait at any of them. */
static void
on_link_news(void *ctx)
{
    struct worker *w = ctx;

    for (unsigned i = 0; i < w->common->nworkers; i++)
        if (w->common->workers[i] != NULL && w->common->workers[i] != w)
            worker_poke(w->common->workers[i]);
    on_news(w);
}

static void
on_new_secret(void *ctx)
{
    struct worker *w = ctx;
    uint8_t secret[MAC_KEY_LEN];

    MAGIC_CHECK(w, WORKER_MAGIC);
    lock_take(&w->secret_lock);
    memcpy(secret, w->secret, sizeof(secret));
    lock_drop(&w->secret_lock);
    udp_service_set_secret(&w->udp, secret, loop_now(w->loop));
}

/* All workers use the new secret, even those without a connection of their own yet: a client may
 * use an id from one worker at another. */
static void
on_link_secret(void *ctx, const uint8_t secret[MAC_KEY_LEN])
{
    const struct worker *self = ctx;

    for (unsigned i = 0; i < self->common->nworkers; i++) {
        struct worker *w = self->common->workers[i];

        lock_take(&w->secret_lock);
        memcpy(w->secret, secret, MAC_KEY_LEN);
        lock_drop(&w->secret_lock);
        loop_waker_wake(w->new_secret);
    }
}

static bool
start_link(struct worker *w)
{
    struct cluster_link_handler on = {
        .ctx = w, .on_news = on_link_news, .on_secret = on_link_secret};
    uint64_t seed;

    if (w->common->cluster == NULL)
        return true;
    random_bytes(&seed, sizeof(seed));
    tell_time(w, shards_lock(w->common->shards, w->index), loop_now(w->loop));
    shards_unlock(w->common->shards, w->index);
    w->link = cluster_link_new(w->loop, w->common->shards, w->index, w->common->cluster,
                               w->common->cluster_tls, w->common->log, seed, &on);
    return w->link != NULL;
}

/* ---- creation and end ---- */

struct worker *
worker_new(const struct worker_common *common, unsigned index)
{
    struct worker *w = calloc(1, sizeof(*w));
    struct tracker_doors doors;

    if (w == NULL)
        return NULL;
    MAGIC_SET(w, WORKER_MAGIC);
    w->common = common;
    w->index = index;
    lock_init(&w->secret_lock);
    shards_visit_init(&w->visit, common->shards, common->limiter);
    doors = shards_doors(&w->visit);
    http_service_init(&w->http, &doors);
    udp_service_init(&w->udp, &doors, common->secret);
    if (common->members != NULL)
        make_private(w, common->members);
    if (loop_new(&w->loop, NULL) != 0) {
        worker_free(w);
        return NULL;
    }
    w->tick = loop_timer_new(w->loop, on_tick, w);
    w->stop = loop_waker_new(w->loop, on_stop, w);
    w->news = loop_waker_new(w->loop, on_news, w);
    w->new_secret = loop_waker_new(w->loop, on_new_secret, w);
    if (w->tick == NULL || w->stop == NULL || w->news == NULL || w->new_secret == NULL ||
        !start_link(w)) {
        worker_free(w);
        return NULL;
    }
    loop_timer_set(w->tick, mono_add_ms(loop_now(w->loop), TICK_MS));
    return w;
}

void
worker_stop(struct worker *w)
{
    if (w == NULL || !w->started)
        return;
    loop_waker_wake(w->stop);
    thread_join(&w->thread);
    w->started = false;
}

void
worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    MAGIC_CHECK(w, WORKER_MAGIC);
    worker_stop(w);
    cluster_link_free(w->link);
    for (size_t i = 0; i < w->nhttp; i++)
        http_front_free(w->http_fronts[i]);
    for (size_t i = 0; i < w->nudp; i++)
        udp_front_free(w->udp_fronts[i]);
    http_service_fini(&w->http);
    if (w->tick != NULL)
        loop_timer_free(w->tick);
    if (w->stop != NULL)
        loop_waker_free(w->stop);
    if (w->news != NULL)
        loop_waker_free(w->news);
    if (w->new_secret != NULL)
        loop_waker_free(w->new_secret);
    lock_fini(&w->secret_lock);
    if (w->loop != NULL)
        loop_free(w->loop);
    MAGIC_CLEAR(w);
    free(w);
}

int
worker_listen_http(struct worker *w, const struct endpoint *at, enum port_share share,
                   struct endpoint *real, struct errbuf *eb)
{
    struct http_handler handler = http_front_tracker(&w->http);
    int err;

    ASSERT(w->nhttp < HTTP_FRONTS_MAX);
    err = http_front_new(w->loop, at, share, &handler, &w->common->http_limits,
                         &w->http_fronts[w->nhttp], eb);
    if (err == 0)
        *real = *http_front_addr(w->http_fronts[w->nhttp++]);
    return err;
}

int
worker_listen_https(struct worker *w, const struct endpoint *at, enum port_share share,
                    struct endpoint *real, struct errbuf *eb)
{
    int err = worker_listen_http(w, at, share, real, eb);

    if (err == 0)
        http_front_secure(w->http_fronts[w->nhttp - 1], w->common->certs);
    return err;
}

/* Only the first worker logs that the kernel gives less. */
static void
set_receive_buffer(const struct worker *w, struct udp_front *f)
{
    uint32_t wanted = w->common->udp_buffer;
    size_t got = udp_front_set_buffer(f, wanted);

    if (got < wanted && w->index == 0)
        log_event(w->common->log, LOG_INFO,
                  "the kernel keeps fewer UDP packets than udp-buffer says",
                  log_number("bytes", got));
}

int
worker_listen_udp(struct worker *w, const struct endpoint *at, enum port_share share,
                  struct endpoint *real, struct errbuf *eb)
{
    int err;

    ASSERT(w->nudp < SETTINGS_LISTEN_MAX);
    err = udp_front_new(w->loop, at, share, &w->udp, &w->udp_fronts[w->nudp], eb);
    if (err != 0)
        return err;
    set_receive_buffer(w, w->udp_fronts[w->nudp]);
    *real = *udp_front_addr(w->udp_fronts[w->nudp++]);
    return 0;
}

bool
worker_steer_udp(struct worker *w)
{
    return udp_front_steer(w->udp_fronts[w->nudp - 1], shards_rule(w->common->shards));
}

static void *
thread_main(void *arg)
{
    struct worker *w = arg;
    int err = loop_run(w->loop);

    /* Fails only if the loop can't wait for events at all, which never happens with a loop that
     * could be created. */
    ASSERT(err == 0);
    return NULL;
}

int
worker_start(struct worker *w)
{
    w->started = thread_start(&w->thread, thread_main, w) == 0;
    return w->started ? 0 : SPRAT_E_NOMEM;
}

struct loop *
worker_loop(struct worker *w)
{
    return w->loop;
}

static void
count(const struct worker *w, struct metrics *m)
{
    m->http_announces += tally_get(&w->http.announces);
    m->http_errors += tally_get(&w->http.errors);
    m->udp_errors += tally_get(&w->udp.errors);
    m->udp_ignored += tally_get(&w->udp.ignored);
    m->denied += tally_get(&w->http.denied) + tally_get(&w->udp.denied);
    m->throttled += tally_get(&w->http.throttled) + tally_get(&w->udp.throttled);
    m->cluster_parked += tally_get(&w->http.parked) + tally_get(&w->udp.parked);
    for (size_t i = 0; i < w->nudp; i++)
        m->udp_dropped += udp_front_dropped(w->udp_fronts[i]);
    for (size_t i = 0; i < w->nhttp; i++) {
        const struct stream_handshakes *h = http_front_handshakes(w->http_fronts[i]);

        m->http_connections += http_front_count(w->http_fronts[i]);
        m->http_tls_hellos += http_front_tls_hellos(w->http_fronts[i]);
        m->https_refused += http_front_refused(w->http_fronts[i]);
        m->https_handshakes += tally_get(&h->done);
        m->https_handshakes_failed += tally_get(&h->failed);
    }
}

void
worker_count_all(const struct worker_common *common, struct metrics *m)
{
    for (unsigned i = 0; i < common->nworkers; i++)
        count(common->workers[i], m);
}
