/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connects, reads and writes without blocking. The shard is locked only while its tracker makes
 * commands or handles replies, not during input and output.
 */
#include "tracker/net/cluster_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/backoff.h"
#include "common/base/magic.h"
#include "common/ev/resolve.h"
#include "common/ev/stream.h"
#include "common/sys/addr.h"
#include "tracker/net/redis.h"

enum {
    LINK_MAGIC = 0x6c696e6b,
    READ_SIZE = 16384,
    READS_MAX = 8,    /* at a time, before other work of the loop */
    SAY_EVERY_S = 60, /* between two log messages about errors of Redis */

    LAST_MS = 1000,        /* to send the last changes when the tracker stops, */
    LAST_SILENCE_MS = 250, /* and to wait for each reply */
};

/* In IDLE the link waits for the next attempt to connect. */
enum link_phase { PHASE_IDLE, PHASE_RESOLVING, PHASE_CONNECTING, PHASE_UP };

struct cluster_link {
    uint32_t magic;
    enum link_phase phase;
    struct loop *loop;
    struct shards *shards;
    unsigned shard;
    const struct cluster_url *url;
    struct tls_client *tls; /* NULL without TLS */
    const struct log *log;
    struct cluster_link_handler handler;
    struct rng rng;
    struct resolver *resolver;
    struct resolve *resolving;
    struct stream *stream;
    struct redis_reader *reader;
    struct buf out;
    struct loop_timer *timer;
    struct loop_waker *waker;
    struct mono alive_at; /* when the last reply came, or when the oldest command without a reply
                             was sent */
    struct mono said_at;
    struct backoff backoff;
    bool said_down, was_ready;
    uint32_t secret_version;
};

/* The links of all shards fail together, so only the first one logs at this level. */
static enum log_level
level(const struct cluster_link *k, enum log_level l)
{
    return k->shard == 0 ? l : LOG_DEBUG;
}

static struct cluster *
lock(struct cluster_link *k)
{
    return tracker_cluster(shards_lock(k->shards, k->shard));
}

static void
unlock(struct cluster_link *k)
{
    shards_unlock(k->shards, k->shard);
}

/* ---- down ---- */

static void
disconnect(struct cluster_link *k)
{
    if (k->resolving != NULL)
        resolve_cancel(k->resolving);
    k->resolving = NULL;
    stream_free(k->stream);
    k->stream = NULL;
    redis_reader_free(k->reader);
    k->reader = NULL;
    buf_reset(&k->out);
}

/* Half of the delay is random, so that many trackers do not connect at the same moment to a Redis
 * that has just returned. */
static void
go_down(struct cluster_link *k, const char *why)
{
    if (!k->said_down)
        log_event(k->log, level(k, LOG_WARN),
                  "redis is unreachable: this tracker serves the peers it knows and retries",
                  log_text("redis", k->url->host), log_reason(why));
    k->said_down = true;
    if (k->phase == PHASE_UP) {
        cluster_on_lost(lock(k), loop_now(k->loop));
        unlock(k);
    }
    disconnect(k);
    k->phase = PHASE_IDLE;
    k->was_ready = false;
    loop_timer_set(k->timer, mono_add_ms(loop_now(k->loop),
                                         backoff_next(&k->backoff, CLUSTER_LINK_RETRY_MS_MIN,
                                                      CLUSTER_LINK_RETRY_MS_MAX, &k->rng)));
    k->handler.on_news(k->handler.ctx);
}

static void
go_down_by(struct cluster_link *k, int err)
{
    const char *tls = k->stream != NULL ? stream_tls_failure(k->stream) : NULL;

    go_down(k, tls != NULL ? tls : sprat_strerror(err));
}

/* ---- up ---- */

/* Fills the buffer with commands. Returns the time at which it must be called again. */
static int
collect(struct cluster_link *k, struct mono *expiry)
{
    struct cluster *c = lock(k);
    struct mono now = loop_now(k->loop);
    struct cluster_command cmd;
    bool waited = cluster_in_flight(c) > 0;
    int err = 0;

    while (err == 0 && buf_len(&k->out) < CLUSTER_LINK_OUT_MAX / 2 && cluster_next(c, &cmd, now))
        err = redis_put(&k->out, &cmd);
    *expiry = cluster_expiry(c);
    if (!waited)
        k->alive_at = now;
    if (cluster_in_flight(c) > 0)
        *expiry = mono_min(*expiry, mono_add_ms(k->alive_at, CLUSTER_LINK_SILENCE_S * 1000));
    unlock(k);
    return err;
}

static int
send_out(struct cluster_link *k)
{
    while (buf_len(&k->out) > 0) {
        struct iovec iov = {buf_data(&k->out), buf_len(&k->out)};
        int64_t n = stream_writev(k->stream, &iov, 1);

        if (n == SPRAT_E_AGAIN)
            return stream_want(k->stream, LOOP_READ | LOOP_WRITE);
        if (n <= 0)
            return n == 0 ? SPRAT_E_CLOSED : (int)n;
        buf_consume(&k->out, (size_t)n);
    }
    return stream_want(k->stream, LOOP_READ);
}

/* Sends the commands that are due. */
static void
pump(struct cluster_link *k)
{
    struct mono expiry;
    int err = collect(k, &expiry);

    if (err == 0)
        err = send_out(k);
    if (err != 0) {
        go_down_by(k, err);
        return;
    }
    if (mono_due(expiry, loop_now(k->loop)))
        expiry = mono_add_ms(loop_now(k->loop), 1); /* the buffer is full */
    loop_timer_set(k->timer, expiry);
}

static void
on_writable(void *ctx)
{
    struct cluster_link *k = ctx;

    MAGIC_CHECK(k, LINK_MAGIC);
    pump(k);
}

/* Logs an error of Redis. Any shard may be the one that gets it, so all of them log. */
static void
say_amiss(struct cluster_link *k, const char *what, const char *why)
{
    struct mono now = loop_now(k->loop);

    if (k->said_at.us != 0 && mono_before(now, mono_add_ms(k->said_at, SAY_EVERY_S * 1000)))
        return;
    k->said_at = now;
    log_event(k->log, LOG_WARN, what, log_text("redis", k->url->host), log_reason(why));
}

/* Passes all complete replies to the tracker. */
static int
take_replies(struct cluster_link *k)
{
    struct cluster *c = lock(k);
    const struct cluster_reply *reply;
    struct errbuf eb = {""};
    int got = 0, err = 0;

    while (err == 0 && (got = redis_reader_next(k->reader, &reply)) == 1) {
        k->alive_at = loop_now(k->loop);
        err = cluster_on_reply(c, reply, &eb, loop_now(k->loop));
        if (err == SPRAT_E_REMOTE)
            err = 0;
    }
    unlock(k);
    if (eb.text[0] != '\0')
        say_amiss(k, "redis refuses", eb.text);
    return got < 0 ? got : err;
}

/* Handles what replies have changed: the state of the link, and the secret of connection ids. */
static void
look_around(struct cluster_link *k)
{
    const struct cluster *c = lock(k);
    bool ready = cluster_is_ready(c);
    uint8_t secret[MAC_KEY_LEN];
    uint32_t version;

    memcpy(secret, cluster_secret(c, &version), sizeof(secret));
    unlock(k);
    if (version != k->secret_version)
        k->handler.on_secret(k->handler.ctx, secret);
    k->secret_version = version;
    if (ready && !k->was_ready) {
        log_event(k->log, level(k, LOG_INFO), "redis is connected: swarms are shared",
                  log_text("redis", k->url->host));
        k->said_down = false;
        backoff_reset(&k->backoff);
    }
    k->was_ready |= ready;
}

static int
read_some(struct cluster_link *k)
{
    uint8_t bytes[READ_SIZE];
    struct iovec iov = {bytes, sizeof(bytes)};
    int64_t n = stream_readv(k->stream, &iov, 1);
    int err;

    if (n <= 0)
        return n == 0 ? SPRAT_E_CLOSED : (int)n;
    err = redis_reader_feed(k->reader, bytes, (size_t)n);
    if (err == 0)
        err = take_replies(k);
    return err == 0 && n < READ_SIZE ? SPRAT_E_AGAIN : err;
}

/* A replica may have been the master before. Looking up the name again may find the new master. */
static void
hang_up(struct cluster_link *k, int err)
{
    const char *why = sprat_strerror(err);

    if (stream_tls_failure(k->stream) != NULL) {
        go_down_by(k, err);
        return;
    }
    if (err == SPRAT_E_PROTOCOL) {
        why = "it is not the reply to the command; the connection is closed";
        say_amiss(k, "redis sent an unexpected reply", why);
    } else if (err == SPRAT_E_READONLY) {
        why = "it is a replica and accepts no writes";
    }
    go_down(k, why);
}

static void
on_readable(void *ctx)
{
    struct cluster_link *k = ctx;
    int err = 0;

    MAGIC_CHECK(k, LINK_MAGIC);
    for (int i = 0; i < READS_MAX && err == 0; i++)
        err = read_some(k);
    if (err != 0 && err != SPRAT_E_AGAIN) {
        hang_up(k, err);
        return;
    }
    look_around(k);
    k->handler.on_news(k->handler.ctx);
    pump(k);
}

static void
on_connected(void *ctx, int err)
{
    struct cluster_link *k = ctx;

    MAGIC_CHECK(k, LINK_MAGIC);
    if (err == 0 && k->tls != NULL)
        err = stream_secure_client(k->stream, k->tls, k->url->host);
    if (err == 0) {
        k->reader = redis_reader_new();
        err = k->reader == NULL ? SPRAT_E_NOMEM : 0;
    }
    if (err != 0) {
        go_down_by(k, err);
        return;
    }
    k->phase = PHASE_UP;
    k->alive_at = loop_now(k->loop);
    cluster_on_connected(lock(k), loop_now(k->loop));
    unlock(k);
    pump(k);
}

static void
on_resolved(void *ctx, int err, const struct endpoint *addrs, size_t count)
{
    struct cluster_link *k = ctx;
    struct stream_handler on = {.ctx = k,
                                .on_connected = on_connected,
                                .on_readable = on_readable,
                                .on_writable = on_writable};

    MAGIC_CHECK(k, LINK_MAGIC);
    k->resolving = NULL;
    k->phase = PHASE_CONNECTING;
    /* Tries one address per attempt, since some addresses of the name may be unreachable. */
    if (err == 0)
        err = stream_connect(k->loop, &addrs[rng_below(&k->rng, (uint32_t)count)], NULL, &on,
                             &k->stream);
    if (err != 0)
        go_down_by(k, err);
}

static void
begin(struct cluster_link *k)
{
    k->phase = PHASE_RESOLVING;
    loop_timer_set(k->timer, mono_add_ms(loop_now(k->loop), CLUSTER_LINK_CONNECT_S * 1000));
    k->resolving = resolve_start(k->resolver, k->url->host, k->url->port, on_resolved, k);
    if (k->resolving == NULL)
        go_down_by(k, SPRAT_E_RESOLVE);
}

static bool
is_silent(struct cluster_link *k)
{
    bool waits = cluster_in_flight(lock(k)) > 0;

    unlock(k);
    return waits &&
           mono_due(mono_add_ms(k->alive_at, CLUSTER_LINK_SILENCE_S * 1000), loop_now(k->loop));
}

static void
on_timer(void *ctx)
{
    struct cluster_link *k = ctx;

    MAGIC_CHECK(k, LINK_MAGIC);
    switch (k->phase) {
    case PHASE_IDLE: begin(k); return;
    case PHASE_RESOLVING:
    case PHASE_CONNECTING: go_down_by(k, SPRAT_E_TIMEOUT); return;
    case PHASE_UP: break;
    }
    if (is_silent(k))
        go_down_by(k, SPRAT_E_TIMEOUT);
    else
        pump(k);
}

/* ---- creation and end ---- */

static void
on_wake(void *ctx)
{
    struct cluster_link *k = ctx;

    MAGIC_CHECK(k, LINK_MAGIC);
    if (k->phase == PHASE_UP)
        pump(k);
}

/* Called from the thread that has the shard locked. */
static void
wake(void *ctx)
{
    struct cluster_link *k = ctx;

    loop_waker_wake(k->waker);
}

struct cluster_link *
cluster_link_new(struct loop *l, struct shards *shards, unsigned shard,
                 const struct cluster_url *url, struct tls_client *tls, const struct log *log,
                 uint64_t seed, const struct cluster_link_handler *handler)
{
    struct cluster_link *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    MAGIC_SET(k, LINK_MAGIC);
    k->loop = l;
    k->shards = shards;
    k->shard = shard;
    k->url = url;
    k->tls = tls;
    k->log = log;
    k->handler = *handler;
    rng_init(&k->rng, seed);
    buf_init(&k->out, CLUSTER_LINK_OUT_MAX);
    k->resolver = resolver_new(l);
    k->timer = loop_timer_new(l, on_timer, k);
    k->waker = loop_waker_new(l, on_wake, k);
    if (k->resolver == NULL || k->timer == NULL || k->waker == NULL) {
        cluster_link_free(k);
        return NULL;
    }
    cluster_set_waker(lock(k), wake, k);
    unlock(k);
    loop_timer_set(k->timer, loop_now(l));
    return k;
}

/* Whether changes are left to send and Redis accepts them: it has confirmed some since |*waiting|
 * was set. */
static bool
has_more(struct cluster_link *k, uint64_t *waiting, bool *took)
{
    const struct cluster *c = lock(k);
    struct cluster_stats stats;
    bool ready = cluster_is_ready(c);

    cluster_stats(c, &stats);
    *took = stats.waiting < *waiting;
    *waiting = stats.waiting;
    unlock(k);
    return ready && stats.waiting > 0;
}

/* Polls, since the loop does not run any more. */
static void
tell_rest(struct cluster_link *k)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    uint64_t waiting = UINT64_MAX;
    struct mono expiry;
    bool took;
    int err = 0, silent_ms = 0;

    cluster_finish(lock(k));
    unlock(k);
    for (int ms = 0; ms < LAST_MS && silent_ms < LAST_SILENCE_MS; ms++) {
        if (!has_more(k, &waiting, &took) || (err != 0 && err != SPRAT_E_AGAIN))
            return;
        silent_ms = took ? 0 : silent_ms + 1;
        err = collect(k, &expiry);
        if (err == 0)
            err = send_out(k);
        for (int i = 0; i < READS_MAX && err == 0; i++)
            err = read_some(k);
        if (err == SPRAT_E_AGAIN)
            nanosleep(&pause, NULL);
    }
}

void
cluster_link_free(struct cluster_link *k)
{
    if (k == NULL)
        return;
    if (k->phase == PHASE_UP)
        tell_rest(k);
    cluster_set_waker(lock(k), NULL, NULL);
    unlock(k);
    disconnect(k);
    resolver_free(k->resolver);
    if (k->timer != NULL)
        loop_timer_free(k->timer);
    if (k->waker != NULL)
        loop_waker_free(k->waker);
    buf_fini(&k->out);
    MAGIC_CLEAR(k);
    free(k);
}
