/* SPDX-License-Identifier: BSD-2-Clause
 *
 * When a round fails, the connection is closed, and made again after a delay that grows with each
 * failure.
 */
#include "tracker/daemon/courier.h"

#include <stdlib.h>

#include "common/base/backoff.h"
#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "common/sys/clock.h"
#include "common/sys/lock.h"
#include "common/sys/thread.h"
#include "tracker/daemon/branch.h"
#include "tracker/daemon/keeper.h"
#include "tracker/daemon/slotshare.h"

enum { COURIER_MAGIC = 0x636f7572, RETRY_MS_MIN = 100 };

struct courier {
    uint32_t magic;
    const struct log *log;
    struct members *members;
    struct redis_call *call;
    struct keeper *keeper; /* either |keeper| or |branch| is set */
    struct branch *branch;
    struct slotshare *slots;
    struct flusher flusher; /* used by a branch */
    struct mono flush_at;
    struct rng rng;
    struct backoff backoff;
    bool said_down;
    struct tally connected;

    struct thread thread;
    bool started;
    struct lock lock; /* protects all below */
    struct cond rang;
    bool flush_now, stopping;
};

/* ---- a round ---- */

static void
flush_if_due(struct courier *c, bool flush_now)
{
    if (!mono_due(c->flush_at, clock_mono()) && !(flush_now && !c->flusher.has_batch))
        return;
    c->flush_at = mono_add_ms(clock_mono(), INT64_C(1000) * (int64_t)flusher_flush(&c->flusher));
}

/* Runs one round on an open connection. A branch also does this while it waits for a confirmation.
 */
static int
go_round(void *ctx, struct redis_call *call, struct errbuf *eb)
{
    struct courier *c = ctx;
    int err = 0;

    if (c->keeper != NULL)
        err = keeper_round(c->keeper, call, eb);
    if (err == 0 && c->branch != NULL)
        err = branch_round(c->branch, call, eb);
    return err == 0 ? slotshare_round(c->slots, call, eb) : err;
}

static int
connect_and_go(struct courier *c, struct errbuf *eb)
{
    int err = redis_call_connect(c->call, eb);

    return err == 0 ? go_round(c, c->call, eb) : err;
}

static void
on_good_round(struct courier *c)
{
    if (tally_get(&c->connected) == 0)
        log_info(c->log, "accounts and users are shared with the fleet");
    tally_put(&c->connected, 1);
    c->said_down = false;
    backoff_reset(&c->backoff);
}

static void
on_bad_round(struct courier *c, const char *why)
{
    if (!c->said_down)
        log_event(c->log, LOG_WARN, "accounts and users cannot be exchanged with the fleet yet",
                  log_reason(why));
    c->said_down = true;
    tally_put(&c->connected, 0);
    redis_call_disconnect(c->call);
}

/* Returns how long to wait until the next round. */
static int64_t
do_round(struct courier *c, bool flush_now)
{
    struct errbuf eb = {""};
    int err;

    members_set_unix_offset(c->members, clock_unix_offset_us());
    err = connect_and_go(c, &eb);
    if (err != 0)
        on_bad_round(c, eb.text);
    else
        on_good_round(c);
    if (c->branch != NULL)
        flush_if_due(c, flush_now);
    return err == 0 ? COURIER_ROUND_MS
                    : backoff_next(&c->backoff, RETRY_MS_MIN, COURIER_RETRY_MS_MAX, &c->rng);
}

/* ---- the thread ---- */

static void
wait_ms(struct courier *c, int64_t ms)
{
    struct mono until = mono_add_ms(clock_mono(), ms);

    while (!c->stopping && !c->flush_now)
        if (!cond_wait_until(&c->rang, &c->lock, until))
            return;
}

static void *
thread_main(void *arg)
{
    struct courier *c = arg;

    MAGIC_CHECK(c, COURIER_MAGIC);
    lock_take(&c->lock);
    while (!c->stopping) {
        bool flush_now = c->flush_now;
        int64_t ms;

        c->flush_now = false;
        lock_drop(&c->lock);
        ms = do_round(c, flush_now);
        lock_take(&c->lock);
        wait_ms(c, ms);
    }
    lock_drop(&c->lock);
    return NULL;
}

/* Called from a worker when its ledger is half full. It has no effect while a batch waits to be
 * confirmed. */
static void
on_full(void *ctx)
{
    struct courier *c = ctx;

    MAGIC_CHECK(c, COURIER_MAGIC);
    lock_take(&c->lock);
    c->flush_now = true;
    cond_signal(&c->rang);
    lock_drop(&c->lock);
}

/* ---- creation and end ---- */

static int
hand_over(void *ctx, const struct accounts_batch *b, struct accounts_result *out, struct errbuf *eb)
{
    struct courier *c = ctx;
    int err = redis_call_connect(c->call, eb);

    return err == 0 ? branch_hand_over(c->branch, c->call, b, out, eb) : err;
}

static int
make_keeper(struct courier *c, const struct courier_config *config, struct errbuf *eb)
{
    const struct keeper_config keeper = {.name = config->name,
                                         .members = c->members,
                                         .seal = config->seal,
                                         .rate_possible = config->rate_possible};

    return keeper_new(config->database, &keeper, c->log, &c->keeper, eb);
}

static int
make_branch(struct courier *c, const struct courier_config *config, uint64_t run)
{
    c->branch = branch_new(config->name, run, &config->seal, c->members, c->log);
    if (c->branch == NULL)
        return SPRAT_E_NOMEM;
    branch_meanwhile(c->branch, go_round, c);
    c->flusher.period_s = config->period_s;
    c->flusher.rate_possible = config->rate_possible;
    flusher_init(&c->flusher, hand_over, c, c->members, c->log);
    c->flush_at = mono_add_ms(clock_mono(), INT64_C(1000) * config->period_s);
    members_on_full(c->members, on_full, c);
    return 0;
}

static int
make_parts(struct courier *c, const struct courier_config *config, struct errbuf *eb)
{
    uint64_t run;
    int err = members_share_slots(c->members);

    random_bytes(&run, sizeof(run));
    rng_init(&c->rng, run);
    c->call = redis_call_new(config->url, config->tls);
    c->slots = calloc(1, sizeof(*c->slots));
    if (c->call == NULL || c->slots == NULL)
        err = SPRAT_E_NOMEM;
    if (c->slots != NULL)
        slotshare_init(c->slots, c->members, config->name, run, &config->seal);
    if (err == 0 && config->database[0] == '\0')
        err = make_branch(c, config, run);
    if (err != 0)
        return errbuf_set(eb, err, "out of memory");
    return config->database[0] != '\0' ? make_keeper(c, config, eb) : 0;
}

int
courier_new(const struct courier_config *config, struct members *members, const struct log *log,
            struct courier **out, struct errbuf *eb)
{
    struct courier *c = calloc(1, sizeof(*c));
    int err;

    if (c == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(c, COURIER_MAGIC);
    c->log = log;
    c->members = members;
    lock_init(&c->lock);
    cond_init(&c->rang);
    err = make_parts(c, config, eb);
    if (err != 0) {
        courier_free(c);
        return err;
    }
    *out = c;
    return 0;
}

int
courier_start(struct courier *c)
{
    int err = thread_start(&c->thread, thread_main, c);

    c->started = err == 0;
    return err;
}

static void
stop_thread(struct courier *c)
{
    if (!c->started)
        return;
    lock_take(&c->lock);
    c->stopping = true;
    cond_signal(&c->rang);
    lock_drop(&c->lock);
    thread_join(&c->thread);
    if (c->branch != NULL)
        flusher_flush_last(&c->flusher);
    if (c->keeper != NULL)
        keeper_leave(c->keeper, c->call);
}

void
courier_free(struct courier *c)
{
    if (c == NULL)
        return;
    MAGIC_CHECK(c, COURIER_MAGIC);
    stop_thread(c);
    flusher_fini(&c->flusher);
    keeper_free(c->keeper);
    branch_free(c->branch);
    if (c->slots != NULL)
        slotshare_fini(c->slots);
    free(c->slots);
    redis_call_free(c->call);
    cond_fini(&c->rang);
    lock_fini(&c->lock);
    MAGIC_CLEAR(c);
    free(c);
}

void
courier_get_stats(const struct courier *c, struct courier_stats *out)
{
    struct keeper_stats k = {.keeps = false};

    if (c->keeper != NULL)
        keeper_get_stats(c->keeper, &k);
    *out = (struct courier_stats){
        .connected = tally_get(&c->connected) != 0,
        .keeper_seen = c->keeper != NULL ? k.keeps : branch_sees_keeper(c->branch),
        .keeper_batches = k.batches,
        .keeper_signals = k.signals,
        .is_branch = c->branch != NULL,
    };
    if (c->branch != NULL)
        flusher_get_stats(&c->flusher, &out->books);
}
