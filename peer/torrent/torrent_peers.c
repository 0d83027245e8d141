/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connections of a torrent, between the core's peer ids and conn.h. This file offers, answers
 * and checks handshakes.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/sys/addr.h"
#include "peer/net/link_tcp.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_facts.h"
#include "peer/torrent/torrent_feed.h"
#include "peer/torrent/torrent_hosts.h"
#include "peer/torrent/torrent_peers.h"

static const struct conn_handler *handler_of(struct torrent *t, struct conn_handler *h);

/* --- slots --- */

static struct host *
host_of(struct torrent *t, struct peer_slot *slot)
{
    if (slot->host == NULL)
        slot->host = hosts_of(t, conn_peer(slot->conn));
    return slot->host;
}

static struct peer_slot *
slot_get(struct torrent *t, slot_id id)
{
    uint32_t i = slot_index(id);

    if (i >= t->net.peer_cap || t->net.peers[i].id != id)
        return NULL;
    return &t->net.peers[i];
}

/* A share of its own, so that a torrent whose disk hangs leaves blocks to the other torrents. */
static struct block_pool *
blocks_of(struct torrent *t)
{
    if (t->net.blocks == NULL)
        t->net.blocks = block_pool_share(conn_hub_blocks(t->env->hub));
    return t->net.blocks;
}

/* Stores a connection in the slot of |id|, which is free: the core has released the slot's former
 * peer. */
static int
slot_put(struct torrent *t, slot_id id, struct conn *c)
{
    uint32_t i = slot_index(id);

    if (i >= t->net.peer_cap) {
        uint32_t cap = t->net.peer_cap > 0 ? t->net.peer_cap : 16;
        struct peer_slot *peers;

        while (cap <= i)
            cap *= 2;
        peers = realloc(t->net.peers, cap * sizeof(*peers));
        if (peers == NULL)
            return SPRAT_E_NOMEM;
        memset(peers + t->net.peer_cap, 0, (cap - t->net.peer_cap) * sizeof(*peers));
        t->net.peers = peers;
        t->net.peer_cap = cap;
    }
    ASSERT(t->net.peers[i].id == SLOT_NONE);
    t->net.peers[i] = (struct peer_slot){.id = id, .conn = c, .addr = *conn_peer(c)};
    conn_set_tag(c, id);
    t->net.conns++;
    return 0;
}

static void
slot_clear(struct torrent *t, struct peer_slot *slot)
{
    t->env->calls->drop_conn(t->env, &slot->addr);
    *slot = (struct peer_slot){.id = SLOT_NONE};
    t->net.conns--;
}

static void
feed_closed(struct torrent *t, slot_id id, int err, bool reached)
{
    struct swarm_input in = {.type = SWARM_IN_CLOSED, .peer = id};

    in.u.closed.err = err;
    in.u.closed.reached = reached;
    torrent_feed(t, &in);
}

/* Logs why a connection to an address failed. */
static void
log_closed(const struct torrent *t, const struct endpoint *addr, int err, bool shaken, bool reached)
{
    char text[ADDR_TEXT_MAX];

    if (shaken)
        log_debug(&t->env->shared->log, "%s: peer %s: closed: %s", t->facts.name,
                  addr_format(addr, text), sprat_strerror(err));
    else
        log_debug(&t->env->shared->log, "%s: peer %s: %s (%s)", t->facts.name,
                  addr_format(addr, text), peer_try_text(peer_try_from(err, reached)),
                  sprat_strerror(err));
}

/* --- connections made --- */

static int
dial(struct torrent *t, const struct swarm_effect *fx, const struct handshake *offer,
     struct conn **out)
{
    const struct endpoint *to = &fx->u.connect.addr;
    struct torrent_env *env = t->env;
    struct conn_handler h;
    struct link *link = NULL;
    int err = 0;

    ASSERT(fx->u.connect.protection == SWARM_PROTECTION_NO);
    switch (fx->u.connect.via) {
    case SWARM_VIA_TCP:
        err = link_tcp_connect(env->loop, to, source_for(&env->shared->source, to), &link);
        break;
    }
    if (err != 0)
        return err;
    return conn_dial(env->hub, link, to, offer, CONN_CONNECT_MS + CONN_HANDSHAKE_MS,
                     handler_of(t, &h), out);
}

static int
connect_peer(struct torrent *t, const struct swarm_effect *fx)
{
    struct torrent_env *env = t->env;
    const struct endpoint *to = &fx->u.connect.addr;
    struct handshake offer;
    struct conn *c;
    int err;

    if (env->calls->take_conn(env, to) != 0)
        return SPRAT_E_LIMIT;
    handshake_offer(&t->facts.id, torrent_handshake_id(t), &offer);
    offer.dht = torrent_dht_port(t) != 0;
    err = dial(t, fx, &offer, &c);
    if (err == 0) {
        err = slot_put(t, fx->peer, c);
        if (err != 0)
            conn_close(c);
    }
    if (err != 0) {
        env->calls->drop_conn(env, to);
        return err;
    }
    slot_get(t, fx->peer)->offer = offer;
    return 0;
}

void
peers_connect_to(struct torrent *t, const struct swarm_effect *fx)
{
    int err = connect_peer(t, fx);

    if (err != 0) {
        log_closed(t, &fx->u.connect.addr, err, false, false);
        feed_closed(t, fx->peer, err, false);
    }
}

/* --- connections accepted --- */

static void
turn_away(struct torrent *t, struct conn *c)
{
    t->env->calls->drop_conn(t->env, conn_peer(c));
    conn_close(c);
}

void
peers_on_stranger(struct torrent *t, struct conn *c, const struct handshake *h)
{
    struct swarm_input in = {.type = SWARM_IN_ACCEPTED};
    struct conn_handler handler;

    if (t->life.phase != PHASE_RUNNING ||
        handshake_answer(&t->facts.id, torrent_handshake_id(t), h, &t->net.answer,
                         &in.u.conn.v2) != 0) {
        turn_away(t, c);
        return;
    }
    t->net.answer.dht = torrent_dht_port(t) != 0;
    conn_set_handler(c, handler_of(t, &handler));
    in.u.conn.addr = *conn_peer(c);
    in.u.conn.handshake = *h;
    t->net.accepting = c;
    torrent_feed(t, &in);
    if (t->net.accepting != NULL) { /* the core had no memory for it */
        turn_away(t, t->net.accepting);
        t->net.accepting = NULL;
    }
}

void
peers_accept(struct torrent *t, const struct swarm_effect *fx)
{
    struct conn *c = t->net.accepting;

    t->net.accepting = NULL;
    ASSERT(c != NULL);
    if (slot_put(t, fx->peer, c) != 0) {
        turn_away(t, c);
        feed_closed(t, fx->peer, SPRAT_E_NOMEM, true);
        return;
    }
    slot_get(t, fx->peer)->shaken = true;
    conn_answer(c, &t->net.answer);
    conn_start(c, t->facts.piece_count, blocks_of(t));
}

void
peers_refuse(struct torrent *t, const struct swarm_effect *fx)
{
    (void)fx;
    turn_away(t, t->net.accepting);
    t->net.accepting = NULL;
}

/* --- effects on connections (without an effect if the connection has just ended) --- */

void
peers_close(struct torrent *t, const struct swarm_effect *fx)
{
    struct peer_slot *slot = slot_get(t, fx->peer);

    if (slot == NULL)
        return;
    /* A peer that broke no rule still receives all sent bytes. */
    if (fx->u.close.err == SPRAT_E_CANCELLED)
        conn_part(slot->conn, t->env->farewells);
    else
        conn_close(slot->conn);
    slot_clear(t, slot);
}

void
peers_send(struct torrent *t, const struct swarm_effect *fx)
{
    struct peer_slot *slot = slot_get(t, fx->peer);

    if (slot != NULL)
        conn_send(slot->conn, &fx->u.msg);
}

void
peers_send_piece(struct torrent *t, const struct swarm_effect *fx)
{
    struct peer_slot *slot = slot_get(t, fx->peer);

    if (slot != NULL)
        conn_send_piece(slot->conn, fx->u.range.piece, fx->u.range.begin, fx->u.range.length,
                        fx->u.range.allowed);
}

void
peers_allow(struct torrent *t, const struct swarm_effect *fx)
{
    struct peer_slot *slot = slot_get(t, fx->peer);

    if (slot != NULL)
        conn_allow(slot->conn, fx->u.range.piece, fx->u.range.begin, fx->u.range.allowed);
}

/* --- what connections report --- */

static void
on_handshake(void *ctx, struct conn *c, const struct handshake *h)
{
    struct torrent *t = ctx;
    struct peer_slot *slot = slot_get(t, conn_tag(c));
    struct swarm_input in = {.type = SWARM_IN_CONNECTED, .peer = conn_tag(c)};
    int err;

    if (slot == NULL)
        return;
    err = handshake_check(&t->facts.id, &slot->offer, h, &in.u.conn.v2);
    if (err != 0) {
        err = SPRAT_E_NOTFOUND; /* the peer has another torrent */
        log_closed(t, conn_peer(c), err, false, true);
        slot_clear(t, slot);
        conn_close(c);
        feed_closed(t, in.peer, err, true);
        return;
    }
    slot->shaken = true;
    /* The connection starts first, because the core's answer may close it. */
    conn_start(c, t->facts.piece_count, blocks_of(t));
    in.u.conn.addr = *conn_peer(c);
    in.u.conn.handshake = *h;
    torrent_feed(t, &in);
}

static void
on_message(void *ctx, struct conn *c, const struct wire_msg *msg)
{
    struct torrent *t = ctx;
    struct peer_slot *slot = slot_get(t, conn_tag(c));
    struct swarm_input in = {
        .type = SWARM_IN_MESSAGE, .peer = conn_tag(c), .total = wire_size(msg), .u.msg = *msg};

    if (slot != NULL && msg->type == WIRE_PIECE) {
        host_of(t, slot)->sum.down += msg->length;
        t->env->moved[TORRENT_DOWN] += msg->length;
    }
    torrent_feed(t, &in);
}

static void
on_sent(void *ctx, struct conn *c, uint32_t payload, uint32_t total)
{
    struct torrent *t = ctx;
    struct peer_slot *slot = slot_get(t, conn_tag(c));
    struct swarm_input in = {.type = SWARM_IN_SENT, .peer = conn_tag(c)};

    if (slot == NULL)
        return;
    host_of(t, slot)->sum.up += payload;
    t->env->moved[TORRENT_UP] += payload;
    in.u.sent.payload = payload;
    in.u.sent.total = total;
    torrent_feed(t, &in);
}

static int
on_read(void *ctx, struct conn *c, struct conn_piece *p)
{
    (void)c;
    return disk_read(ctx, p);
}

static int64_t
on_send_file(void *ctx, struct conn *c, const struct conn_piece *p, uint32_t skip, uint32_t len,
             bool sure, struct link *to)
{
    struct torrent *t = ctx;
    struct storage_loan loan;
    int64_t n;

    (void)c;
    if (to == NULL)
        return disk_at_hand(t, p);
    if (!disk_lend(t, p, sure, &loan))
        return SPRAT_E_NOENT;
    n = link_sendfile(to, loan.fd, loan.offset + skip, len);
    storage_give_back(t->disk.storage, &loan);
    return n;
}

static void
on_read_failed(void *ctx, struct conn *c, const struct conn_piece *p, int err)
{
    struct torrent *t = ctx;
    struct swarm_input in = {.type = SWARM_IN_READ_FAILED, .peer = conn_tag(c)};

    in.u.read_failed.piece = p->piece;
    in.u.read_failed.begin = p->begin;
    in.u.read_failed.length = p->length;
    in.u.read_failed.err = err;
    torrent_feed(t, &in);
}

static void
on_closed(void *ctx, struct conn *c, int err)
{
    struct torrent *t = ctx;
    struct peer_slot *slot = slot_get(t, conn_tag(c));
    slot_id id = conn_tag(c);
    bool reached;

    if (slot == NULL)
        return;
    reached = conn_reached(c);
    log_closed(t, conn_peer(c), err, slot->shaken, reached);
    slot_clear(t, slot);
    feed_closed(t, id, err, reached);
}

static const struct conn_handler *
handler_of(struct torrent *t, struct conn_handler *h)
{
    *h = (struct conn_handler){
        .ctx = t,
        .on_handshake = on_handshake,
        .on_message = on_message,
        .on_sent = on_sent,
        .send_file = on_send_file,
        .read = on_read,
        .on_read_failed = on_read_failed,
        .on_closed = on_closed,
    };
    return h;
}

static bool
is_from(const struct conn *c, const struct endpoint *addrs, size_t count)
{
    struct endpoint local;

    conn_local(c, &local);
    for (size_t i = 0; i < count; i++)
        if (endpoint_same_host(&local, &addrs[i]))
            return true;
    return false;
}

/* Closing one connection has effects that may move the table of peers, so each round looks at the
 * table anew. */
void
peers_on_addresses_gone(struct torrent *t, const struct endpoint *addrs, size_t count)
{
    for (uint32_t i = 0; i < t->net.peer_cap; i++) {
        struct peer_slot *slot = &t->net.peers[i];
        slot_id id = slot->id;
        bool reached;

        if (id == SLOT_NONE || !is_from(slot->conn, addrs, count))
            continue;
        reached = conn_reached(slot->conn);
        log_closed(t, conn_peer(slot->conn), SPRAT_E_UNREACHABLE, slot->shaken, reached);
        conn_close(slot->conn);
        slot_clear(t, slot);
        feed_closed(t, id, SPRAT_E_UNREACHABLE, reached);
    }
}

void
peers_drop_all(struct torrent *t)
{
    for (uint32_t i = 0; i < t->net.peer_cap; i++) {
        struct peer_slot *slot = &t->net.peers[i];

        if (slot->id == SLOT_NONE)
            continue;
        conn_close(slot->conn);
        slot_clear(t, slot);
    }
}

void
peers_part_all(struct torrent *t)
{
    for (uint32_t i = 0; i < t->net.peer_cap; i++) {
        struct peer_slot *slot = &t->net.peers[i];

        if (slot->id == SLOT_NONE)
            continue;
        conn_part(slot->conn, t->env->farewells);
        slot_clear(t, slot);
    }
}

void
peers_fini(struct torrent *t)
{
    peers_drop_all(t);
    free(t->net.peers);
    t->net.peers = NULL;
    t->net.peer_cap = 0;
    block_pool_free(t->net.blocks);
    t->net.blocks = NULL;
    hosts_fini(t);
}
