/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All of it runs on one slow clock, but for the pool, which has a faster one while it has addresses
 * to try.
 */
#include "peer/core/dht_upkeep.h"

#include "peer/core/dht_out.h"
#include "peer/core/dht_search.h"

void
upkeep_set_reach(struct dht *d, enum dht_reach reach, struct mono now)
{
    d->reach = reach;
    d->upkeep.read_only = reach == DHT_REACH_NO;
    d->upkeep.reach_at = now;
    d->upkeep.reach_asked = 0;
    d->upkeep.reached = false;
}

void
upkeep_up(struct dht *d, struct mono now)
{
    struct dht_upkeep *u = &d->upkeep;

    u->due = now;
    u->pool_due = now;
    u->up_at = now;
    u->home_due = now;
    u->home_rounds = 0;
    u->answered = false;
    u->boot_ms = DHT_BOOTSTRAP_MIN_MS;
    u->boot_due = search_can_start(d) ? mono_add_ms(now, DHT_SAVED_WAIT_MS) : now;
    dht_pool_again(&d->pool);
    upkeep_set_reach(d, d->reach, now);
}

void
upkeep_on_answer(struct dht *d, struct mono now)
{
    struct dht_upkeep *u = &d->upkeep;

    if (!u->answered && u->save_due.us == 0)
        u->save_due = mono_add_ms(now, DHT_SAVE_FIRST_MS);
    u->answered = true;
    u->answer_at = now;
    u->boot_ms = DHT_BOOTSTRAP_MIN_MS;
    u->boot_due = mono_add_ms(now, DHT_SILENT_MS);
    u->unanswered = 0;
}

bool
upkeep_blames(const struct dht *d, const struct dht_query *q)
{
    return d->upkeep.answered && mono_before(q->sent, d->upkeep.answer_at);
}

void
upkeep_on_stranger(struct dht *d, struct mono now)
{
    d->upkeep.reached = true;
    if (d->reach == DHT_REACH_UNKNOWN && d->upkeep.read_only)
        upkeep_set_reach(d, DHT_REACH_UNKNOWN, now);
}

void
upkeep_on_identity(struct dht *d, struct mono now)
{
    d->out.identity = true;
    if (dht_id_equal(d->self.id, d->table.own))
        return;
    dht_count(d, DHT_COUNT_ID_CHANGES, 1);
    dht_table_set_own(&d->table, d->self.id);
    d->upkeep.home_due = now;
    d->upkeep.home_rounds = 0;
    d->upkeep.due = now;
}

static void
check_reach(struct dht *d, struct mono now)
{
    struct dht_upkeep *u = &d->upkeep;
    int64_t ms = mono_diff_ms(now, u->reach_at);

    if (d->reach != DHT_REACH_UNKNOWN)
        return;
    if (u->read_only) {
        if (ms >= DHT_REACH_AGAIN_MS)
            upkeep_set_reach(d, DHT_REACH_UNKNOWN, now);
        return;
    }
    if (ms < DHT_REACH_MS || u->reach_asked < DHT_REACH_ASKED)
        return;
    u->read_only = !u->reached;
    u->reach_at = now;
    u->reach_asked = 0;
    u->reached = false;
}

/* Nobody answers: the known nodes are dead, or the network is. With nodes that answered before, a
 * few queries must have failed since. */
static void
check_bootstrap(struct dht *d, struct mono now)
{
    struct dht_upkeep *u = &d->upkeep;

    if (!mono_due(u->boot_due, now))
        return;
    if (u->answered && d->table.count > 0 && u->unanswered < DHT_FAILURES_MAX) {
        u->boot_due = mono_add_ms(now, DHT_SILENT_MS);
        return;
    }
    d->out.bootstrap = true;
    u->pool_due = now;
    dht_pool_again(&d->pool);
    u->boot_due = mono_add_ms(now, u->boot_ms - (int64_t)rng_below(&d->rng, u->boot_ms / 4));
    u->boot_ms = u->boot_ms * 2 < DHT_BOOTSTRAP_MAX_MS ? u->boot_ms * 2 : DHT_BOOTSTRAP_MAX_MS;
}

static bool
yields(const struct dht *d, struct mono now)
{
    return mono_diff_ms(now, d->upkeep.up_at) < DHT_YIELD_MS && search_is_hungry(d);
}

static void
ping_pool(struct dht *d, struct mono now)
{
    d->upkeep.pool_due = mono_add_ms(now, DHT_POOL_MS);
    for (unsigned i = 0; i < DHT_PINGS_AT_ONCE && d->queries.count < DHT_QUERIES_MAX; i++) {
        const struct dht_contact *c = dht_pool_take(&d->pool);

        if (c == NULL) {
            d->upkeep.pool_due = MONO_NEVER;
            return;
        }
        if (!dht_queries_pending(&d->queries, &c->addr))
            out_ask(d, DHT_ASK_PING, &c->addr, c->id);
    }
}

static void
ping_table(struct dht *d, struct mono now)
{
    const struct dht_node *n;

    for (unsigned i = 0; i < DHT_PINGS_AT_ONCE; i++) {
        n = dht_table_to_ping(&d->table, now);
        if (n == NULL)
            return;
        if (!dht_queries_pending(&d->queries, &n->addr))
            out_ask(d, DHT_ASK_PING, &n->addr, n->id);
    }
}

static void
look_up_home(struct dht *d, struct mono now)
{
    struct dht_upkeep *u = &d->upkeep;

    if (!search_for_table(d, d->self.id, now))
        return;
    u->home_due = mono_add_ms(now, u->home_rounds == 0 ? DHT_HOME_AGAIN_MS : DHT_HOME_MS);
    u->home_rounds++;
}

static void
refresh(struct dht *d, struct mono now)
{
    uint8_t target[DHT_ID_LEN];

    if (search_keeps_table(d) || !search_can_start(d))
        return;
    if (mono_due(d->upkeep.home_due, now))
        look_up_home(d, now);
    else if (dht_table_to_refresh(&d->table, target, &d->rng, now))
        search_for_table(d, target, now);
}

static void
check_save(struct dht *d, struct mono now)
{
    struct dht_upkeep *u = &d->upkeep;

    if (!u->answered || d->table.count == 0 || !mono_due(u->save_due, now))
        return;
    d->out.save = true;
    u->save_due = mono_add_ms(now, DHT_SAVE_MS);
}

void
upkeep_run(struct dht *d, struct mono now)
{
    struct dht_upkeep *u = &d->upkeep;
    bool early = mono_diff_ms(now, u->up_at) < DHT_EARLY_MS;

    if (!d->up)
        return;
    check_bootstrap(d, now);
    if (yields(d, now))
        return;
    if (mono_due(u->pool_due, now))
        ping_pool(d, now);
    if (!mono_due(u->due, now))
        return;
    u->due = mono_add_ms(now, early ? DHT_UPKEEP_EARLY_MS : DHT_UPKEEP_MS);
    ping_table(d, now);
    refresh(d, now);
    check_reach(d, now);
    check_save(d, now);
    if (mono_due(u->expire_due, now)) {
        dht_store_expire(d->store, now);
        u->expire_due = mono_add_ms(now, DHT_STORE_EXPIRE_MS);
    }
}

struct mono
upkeep_expiry(const struct dht *d)
{
    const struct dht_upkeep *u = &d->upkeep;
    struct mono at;

    if (!d->up)
        return MONO_NEVER;
    at = mono_min(u->due, u->pool_due);
    if (search_is_hungry(d))
        at = mono_max(at, mono_add_ms(u->up_at, DHT_YIELD_MS));
    return mono_min(at, u->boot_due);
}
