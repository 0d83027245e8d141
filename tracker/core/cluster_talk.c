/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The order of commands on a connection: first the hello (authentication, script, secret), then the
 * turns of torrents, and about once a second a check that the secret is still in Redis, which
 * notices that Redis was emptied.
 */
#include "tracker/core/cluster_command.h"
#include "tracker/core/cluster_merge.h"
#include "tracker/core/cluster_turn.h"

/* a portion is written back when at most so many commands are in flight */
enum { CALM_IN_FLIGHT = 8 };

/* ---- commands ---- */

static void
put_secret_key(struct cluster *c, struct cluster_command *cmd)
{
    snprintf(c->key, sizeof(c->key), "%skey", c->config.name);
    command_text(cmd, c->key);
}

static void
put_offer(struct cluster *c, struct cluster_command *cmd)
{
    memcpy(c->offer, c->secret, MAC_KEY_LEN);
    rng_fill(&c->rng, c->offer + MAC_KEY_LEN, CLUSTER_SECRET_LEN - MAC_KEY_LEN);
    command_begin(cmd, "SET");
    put_secret_key(c, cmd);
    command_put(cmd, c->offer, sizeof(c->offer));
    command_text(cmd, "NX");
}

static void
put_hello(struct cluster *c, struct cluster_command *cmd)
{
    switch (c->hello) {
    case COMMAND_AUTH: cluster_login_put(&c->login, CLUSTER_LOGIN_AUTH, cmd); return;
    case COMMAND_SELECT: cluster_login_put(&c->login, CLUSTER_LOGIN_SELECT, cmd); return;
    case COMMAND_SCRIPT:
        command_begin(cmd, "SCRIPT");
        command_text(cmd, "LOAD");
        command_text(cmd, cluster_script);
        return;
    case COMMAND_OFFER: put_offer(c, cmd); return;
    case COMMAND_SECRET:
    case COMMAND_CHECK:
        command_begin(cmd, "GET");
        put_secret_key(c, cmd);
        return;
    case COMMAND_TORRENT: break;
    }
    UNREACHABLE();
}

/* The next command of the hello, without the steps that are not needed. */
static bool
next_hello(struct cluster *c, struct cluster_command *cmd, struct mono now)
{
    if (c->hello == COMMAND_AUTH && !cluster_login_needs(&c->login, CLUSTER_LOGIN_AUTH))
        c->hello = COMMAND_SELECT;
    if (c->hello == COMMAND_SELECT && !cluster_login_needs(&c->login, CLUSTER_LOGIN_SELECT))
        c->hello = COMMAND_SCRIPT;
    if (c->hello > COMMAND_SECRET)
        return false; /* the hello is complete */
    put_hello(c, cmd);
    cluster_sent(c, c->hello, NULL, now);
    c->hello++;
    return true;
}

static void
begin_hello(struct cluster *c, enum command_kind first)
{
    c->state = LINK_HELLO;
    c->hello = first;
}

/* The torrent whose turn is next. */
static struct shared *
next_torrent(struct cluster *c, struct mono now)
{
    bool hurry = cluster_hurries(c);

    for (int i = 0; i < QUEUES; i++) {
        struct shared *t = LIST_ENTRY(c->queues[i].next, struct shared, queue);

        if (!list_empty(&c->queues[i]) && (hurry || mono_due(t->due, now)))
            return t;
    }
    return NULL;
}

static bool
next_of_torrents(struct cluster *c, struct cluster_command *cmd, struct mono now)
{
    struct shared *t = next_torrent(c, now);

    if (t == NULL && c->back.active && c->flight_count < CALM_IN_FLIGHT) {
        cluster_write_back_some(c, now);
        t = next_torrent(c, now);
    }
    if (t == NULL)
        return false;
    cluster_turn_begin(c, t, now);
    cluster_turn_next(c, cmd, now);
    return true;
}

bool
cluster_next(struct cluster *c, struct cluster_command *cmd, struct mono now)
{
    if (c->state == LINK_PAUSED && c->flight_count == 0 && mono_due(c->retry_at, now))
        begin_hello(c, COMMAND_AUTH);
    if (c->turn.torrent != NULL) {
        cluster_turn_next(c, cmd, now);
        return true;
    }
    if (c->flight_count > CLUSTER_IN_FLIGHT_MAX - STEPS)
        return false;
    switch (c->state) {
    case LINK_DOWN:
    case LINK_PAUSED: return false;
    case LINK_HELLO: return next_hello(c, cmd, now);
    case LINK_READY: break;
    }
    if (mono_due(c->check_at, now)) {
        command_begin(cmd, "GET");
        put_secret_key(c, cmd);
        cluster_sent(c, COMMAND_CHECK, NULL, now);
        c->check_at = mono_add_ms(now, CLUSTER_CHECK_MS);
        return true;
    }
    if (c->lost_news && !c->back.active && c->stats.waiting < CLUSTER_EVENTS_MAX / 4)
        cluster_write_back_begin(c);
    return next_of_torrents(c, cmd, now);
}

struct mono
cluster_expiry(const struct cluster *c)
{
    struct mono at = c->check_at;

    if (c->state == LINK_PAUSED)
        return c->retry_at;
    if (c->state != LINK_READY || c->flight_count > CLUSTER_IN_FLIGHT_MAX - STEPS)
        return MONO_NEVER;
    for (int i = 0; i < QUEUES; i++)
        if (!list_empty(&c->queues[i]))
            at = mono_min(at, LIST_ENTRY(c->queues[i].next, struct shared, queue)->due);
    return at;
}

void
cluster_finish(struct cluster *c)
{
    c->is_last = true;
}

/* ---- the connection ---- */

void
cluster_on_connected(struct cluster *c, struct mono now)
{
    ASSERT(c->state == LINK_DOWN);
    (void)now;
    c->is_new = true;
    begin_hello(c, COMMAND_AUTH);
}

void
cluster_on_lost(struct cluster *c, struct mono now)
{
    if (c->turn.torrent != NULL)
        cluster_turn_take_back(c, c->turn.torrent, now);
    c->turn.torrent = NULL;
    for (; c->flight_count > 0; c->flight_count--) {
        struct shared *t = c->flight[c->flight_first].torrent;

        if (t != NULL && t->in_flight)
            cluster_turn_take_back(c, t, now);
        c->flight_first = (c->flight_first + 1) % CLUSTER_IN_FLIGHT_MAX;
    }
    cluster_turn_reset(c);
    c->state = LINK_DOWN;
}

/* ---- replies ---- */

/* Reads the value of NAMEkey. If its second part has changed, Redis was emptied, and all own peers
 * are written back. */
static int
take_secret(struct cluster *c, const struct cluster_reply *r, struct mono now)
{
    const uint8_t *incarnation = r->str + MAC_KEY_LEN;

    if (r->type != CLUSTER_REPLY_STRING || r->len != CLUSTER_SECRET_LEN)
        return SPRAT_E_PROTOCOL;
    if (memcmp(c->secret, r->str, MAC_KEY_LEN) != 0) {
        memcpy(c->secret, r->str, MAC_KEY_LEN);
        c->secret_version++;
    }
    if (c->is_new || memcmp(c->incarnation, incarnation, sizeof(c->incarnation)) != 0) {
        memcpy(c->incarnation, incarnation, sizeof(c->incarnation));
        c->is_new = false;
        c->settled_at = mono_add_ms(now, CLUSTER_SETTLE_MS);
        cluster_write_back_begin(c);
    }
    return 0;
}

static int
on_check(struct cluster *c, const struct cluster_reply *r, struct mono now)
{
    if (r->type == CLUSTER_REPLY_NIL && c->state == LINK_READY) {
        begin_hello(c, COMMAND_OFFER);
        return 0;
    }
    return r->type == CLUSTER_REPLY_NIL ? 0 : take_secret(c, r, now);
}

/* SET NX answers nil if a secret exists already. */
static int
on_hello(struct cluster *c, enum command_kind kind, const struct cluster_reply *r, struct mono now)
{
    int err = 0;

    if (c->state != LINK_HELLO)
        return 0; /* an earlier step failed */
    if (kind == COMMAND_SCRIPT) {
        if (r->type != CLUSTER_REPLY_STRING || r->len != CLUSTER_SCRIPT_ID_LEN ||
            memcmp(r->str, c->script_id, r->len) != 0)
            return SPRAT_E_PROTOCOL;
    } else if (kind == COMMAND_SECRET) {
        err = take_secret(c, r, now);
        if (err == 0) {
            c->state = LINK_READY;
            c->ready_at = now;
            c->check_at = mono_add_ms(now, CLUSTER_CHECK_MS);
        }
    } else if (r->type != CLUSTER_REPLY_STATUS &&
               !(kind == COMMAND_OFFER && r->type == CLUSTER_REPLY_NIL)) {
        err = SPRAT_E_PROTOCOL;
    }
    return err;
}

int
cluster_on_reply(struct cluster *c, const struct cluster_reply *r, struct errbuf *eb,
                 struct mono now)
{
    struct in_flight f;

    if (c->flight_count == 0)
        return SPRAT_E_PROTOCOL;
    f = c->flight[c->flight_first];
    c->flight_first = (c->flight_first + 1) % CLUSTER_IN_FLIGHT_MAX;
    c->flight_count--;
    if (f.kind == COMMAND_TORRENT)
        return cluster_turn_reply(c, &f, r, eb, now);
    if (r->type == CLUSTER_REPLY_ERROR)
        return cluster_pause(c, r, eb, now);
    return f.kind == COMMAND_CHECK ? on_check(c, r, now) : on_hello(c, f.kind, r, now);
}
