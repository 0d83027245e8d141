/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What must hold at every step. Hostile nodes run the same core under false pretences; of them only
 * the calls themselves are judged, not what they claim.
 */
#include "tests/sim/check.h"

#include <inttypes.h>

#include "peer/core/pipeline.h"
#include "tests/sim/sim.h"

enum {
    SEND_AHEAD_MAX = SWARM_SEND_AHEAD + 8 * BLOCK_LEN,
    CALM_US = 5000000, /* after a partition healed: what was held up is still on its way */
    WRITES_MAX =
        2 * SWARM_WRITES_MAX, /* requests pause at the limit; what was asked for still comes */
};

#define FAIL(n, ...) sim_fail((n)->sim, __VA_ARGS__)

static void
check_claims(struct node *n, const struct wire_msg *m)
{
    const struct bitfield *done = &n->disk.done;

    if (m->type == WIRE_HAVE && !bitfield_get(done, m->piece))
        FAIL(n, "n%u says that it has piece %" PRIu32 ", which was not verified", n->index,
             m->piece);
    if (m->type == WIRE_HAVE_ALL && !bitfield_full(done))
        FAIL(n, "n%u says that it has everything", n->index);
    if (m->type == WIRE_BITFIELD)
        for (uint32_t i = 0; i < done->nbits; i++)
            if ((m->data[i / 8] & (0x80u >> i % 8)) != 0 && !bitfield_get(done, i))
                FAIL(n, "n%u's bitfield has piece %" PRIu32 ", which was not verified", n->index,
                     i);
}

static void
note_sent(struct node *n, struct talk *t, const struct wire_msg *m)
{
    switch (m->type) {
    case WIRE_CHOKE: t->choking = true; break;
    case WIRE_UNCHOKE: t->choking = false; break;
    case WIRE_ALLOWED_FAST: t->fast_given = true; break;
    case WIRE_REQUEST:
        if (t->choked && !t->fast_told)
            FAIL(n, "n%u requests of a peer that chokes it", n->index);
        if (n->disk_stuck)
            FAIL(n, "n%u requests though its disk refuses", n->index);
        break;
    case WIRE_PORT:
        if (n->sim->content->mi->is_private)
            FAIL(n, "n%u tells a peer of a private torrent its DHT port", n->index);
        break;
    case WIRE_REJECT:
        if (t->owed == 0)
            FAIL(n, "n%u rejects a request that nobody made", n->index);
        else
            t->owed--;
        break;
    case WIRE_KEEPALIVE:
    case WIRE_INTERESTED:
    case WIRE_NOT_INTERESTED:
    case WIRE_HAVE:
    case WIRE_BITFIELD:
    case WIRE_PIECE:
    case WIRE_CANCEL:
    case WIRE_SUGGEST:
    case WIRE_HAVE_ALL:
    case WIRE_HAVE_NONE:
    case WIRE_EXTENDED:
    case WIRE_HASH_REQUEST:
    case WIRE_HASHES:
    case WIRE_HASH_REJECT:
    case WIRE_UNKNOWN: break;
    }
}

static void
check_serve(struct node *n, struct link *l, unsigned side, const struct swarm_effect *fx)
{
    struct talk *t = &l->talk[side];
    uint32_t piece = fx->u.range.piece;

    if (!geometry_valid(&n->sim->content->geo, piece, fx->u.range.begin, fx->u.range.length))
        FAIL(n, "n%u serves %" PRIu32 ":%" PRIu32 "+%" PRIu32 ", which is nowhere", n->index, piece,
             fx->u.range.begin, fx->u.range.length);
    else if (!bitfield_get(&n->disk.done, piece))
        FAIL(n, "n%u serves piece %" PRIu32 ", which was not verified", n->index, piece);
    if (t->choking && !t->fast_given)
        FAIL(n, "n%u serves a peer that it chokes", n->index);
    if (t->owed == 0)
        FAIL(n, "n%u serves what nobody asked for", n->index);
    if (l->pipe[side].waiting > SEND_AHEAD_MAX)
        FAIL(n, "n%u has %" PRIu32 " bytes waiting for one peer", n->index, l->pipe[side].waiting);
}

/* Honest peers that hear each other give each other no reason. */
static void
check_close(struct node *n, const struct link *l, unsigned side, int err)
{
    const struct node *other = l->end[1 - side];
    struct mono calm = mono_add_us(n->sim->healed_at, CALM_US);

    if (!node_honest(other) || !node_running(other) || !l->open[1 - side] ||
        n->side != other->side || mono_before(n->sim->engine.now, calm))
        return;
    if (err == SPRAT_E_PROTOCOL || err == SPRAT_E_HASH || err == SPRAT_E_TIMEOUT)
        FAIL(n, "n%u closes n%u, which is honest: %s", n->index, other->index, sprat_strerror(err));
}

static void
check_peer_effect(struct node *n, const struct swarm_effect *fx)
{
    unsigned side;
    struct link *l = link_find(n, fx->peer, &side);

    if (l == NULL || (fx->type != SWARM_FX_CLOSE && side == 0 && l->dialling)) {
        FAIL(n, "n%u has an effect (%d) for a peer that is not there", n->index, (int)fx->type);
        return;
    }
    if (!node_honest(n))
        return;
    if (fx->type == SWARM_FX_SEND || fx->type == SWARM_FX_SEND_PIECE)
        manners_said(n, &l->talk[side].manners,
                     fx->type == SWARM_FX_SEND ? &fx->u.msg : NULL);
    if (fx->type == SWARM_FX_CLOSE && fx->u.close.err == SPRAT_E_EXISTS && l->end[1 - side] != n)
        manners_twin(n, l);
    if (fx->type == SWARM_FX_SEND) {
        check_claims(n, &fx->u.msg);
        note_sent(n, &l->talk[side], &fx->u.msg);
    }
    if (fx->type == SWARM_FX_SEND_PIECE)
        check_serve(n, l, side, fx);
    if (fx->type == SWARM_FX_CLOSE)
        check_close(n, l, side, fx->u.close.err);
}

static void
check_notice(struct node *n, const struct swarm_effect *fx)
{
    struct sim *s = n->sim;

    if (fx->u.notice.what == SWARM_NOTICE_MISMATCH && !n->disk.spec.rots)
        FAIL(n, "n%u says that the torrent's two sides differ", n->index);
    if (fx->u.notice.what == SWARM_NOTICE_COMPLETE && !bitfield_full(&n->disk.done))
        FAIL(n, "n%u says that it is complete", n->index);
    if (fx->u.notice.what != SWARM_NOTICE_BANNED)
        return;
    for (unsigned i = 0; i < s->count; i++)
        if (endpoint_same_host(&s->nodes[i]->addr, &fx->u.notice.peer_addr) &&
            node_honest(s->nodes[i]))
            FAIL(n, "n%u bans n%u, which is honest", n->index, i);
}

void
check_effect(struct node *n, const struct swarm_effect *fx)
{
    switch (fx->type) {
    case SWARM_FX_CLOSE:
    case SWARM_FX_SEND:
    case SWARM_FX_SEND_PIECE:
    case SWARM_FX_ALLOW: check_peer_effect(n, fx); break;
    case SWARM_FX_CONNECT:
        if (n->count.half_open >= CROWD_HALF_OPEN_MAX)
            FAIL(n, "n%u has too many connections half open", n->index);
        if (node_honest(n))
            manners_dial(n, &fx->u.connect.addr);
        break;
    case SWARM_FX_WRITE:
        if (bitfield_get(&n->disk.done, fx->u.write.piece))
            FAIL(n, "n%u writes over piece %" PRIu32 ", which it has", n->index, fx->u.write.piece);
        if (n->count.writes >= WRITES_MAX)
            FAIL(n, "n%u has too many blocks on their way to disk", n->index);
        break;
    case SWARM_FX_PIECE_DONE:
        if (bitfield_get(&n->disk.done, fx->u.range.piece))
            FAIL(n, "n%u finishes piece %" PRIu32 " twice", n->index, fx->u.range.piece);
        if (!vdisk_good(&n->disk, fx->u.range.piece))
            FAIL(n, "n%u takes piece %" PRIu32 " for good, which is not", n->index,
                 fx->u.range.piece);
        break;
    case SWARM_FX_NODE:
        if (n->dht == NULL || n->sim->content->mi->is_private)
            FAIL(n, "n%u takes a DHT node from a peer, and has no DHT for this torrent", n->index);
        break;
    case SWARM_FX_NOTICE:
        if (node_honest(n))
            check_notice(n, fx);
        break;
    case SWARM_FX_ACCEPT:
    case SWARM_FX_REFUSE:
    case SWARM_FX_VERIFY:
    case SWARM_FX_LEAVES:
    case SWARM_FX_ANNOUNCE: break;
    }
}

void
check_received(struct link *l, unsigned side, const struct wire_msg *msg)
{
    struct talk *t = &l->talk[side];

    manners_heard(l->end[side], &t->manners, msg);
    /* Who dials in is known by its host alone until it tells its port. */
    if (msg->type == WIRE_HAVE_ALL && side == 0 && node_honest(l->end[1]))
        node_meet_seed(l->end[side], l->end[1 - side]->index);
    if (msg->type == WIRE_CHOKE)
        t->choked = true;
    if (msg->type == WIRE_UNCHOKE)
        t->choked = false;
    if (msg->type == WIRE_ALLOWED_FAST)
        t->fast_told = true;
    if (msg->type == WIRE_REQUEST)
        t->owed++;
}

void
check_step(struct node *n, const struct swarm_input *in)
{
    struct mono now = n->sim->engine.now;

    if (in->type != SWARM_IN_TICK || mono_before(now, swarm_expiry(n->swarm)))
        n->count.idle_ticks = 0;
    else if (++n->count.idle_ticks > IDLE_TICKS_MAX)
        FAIL(n, "n%u wants a tick again and again at one instant", n->index);
}

static uint32_t
count_links(struct node *n)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < node_slots(n); i++) {
        struct link *l = n->by_slot[i];

        if (l != NULL &&
            !(l->dialling && l->end[0] == n && l->open[0] && slot_index(l->peer[0]) == i))
            count++;
    }
    return count;
}

/* Every request is queued or answered: none is forgotten, also when the peer is choked. */
static void
audit_peer(struct node *n, const struct swarm_peer_stats *ps)
{
    unsigned side;
    struct link *l = link_find(n, ps->peer, &side);

    if (ps->requests_out > PIPELINE_DEPTH_MAX || ps->requests_in > SWARM_UPLOADS_QUEUED_MAX)
        FAIL(n, "n%u has %" PRIu32 " requests out and %" PRIu32 " in at one peer", n->index,
             ps->requests_out, ps->requests_in);
    if (l == NULL)
        FAIL(n, "n%u counts a peer that is not there", n->index);
    else if (l->talk[side].choked != ps->peer_choking || l->talk[side].choking != ps->am_choking)
        FAIL(n, "n%u and a peer do not agree about who chokes whom", n->index);
    else if (l->talk[side].owed != ps->requests_in + l->talk[side].failing)
        FAIL(n, "n%u owes a peer %" PRIu32 " answers, and knows of %" PRIu32, n->index,
             l->talk[side].owed, ps->requests_in + l->talk[side].failing);
    if (l != NULL)
        manners_audit(n, l, &l->talk[side].manners, ps);
}

static void
audit_peers(struct node *n)
{
    struct swarm_peer_stats ps;
    uint32_t iter = 0, unchoked = 0;

    while (swarm_next_peer_stats(n->swarm, &iter, &ps, n->sim->engine.now)) {
        audit_peer(n, &ps);
        unchoked += !ps.am_choking;
    }
    if (n->spec.upload_slots > 0 && unchoked > n->spec.upload_slots)
        FAIL(n, "n%u has unchoked %" PRIu32 " peers, and has %" PRIu32 " slots", n->index, unchoked,
             n->spec.upload_slots);
}

/* A swarm that runs announces for ever: it waits for an answer, or knows when it asks again. */
static void
audit_announces(struct node *n)
{
    const struct announcer *a = swarm_announcer(n->swarm);
    struct announce_status st;

    for (uint32_t i = 0; i < announcer_count(a); i++) {
        announcer_status(a, i, &st, n->sim->engine.now);
        if (st.asking)
            return;
    }
    if (announcer_expiry(a).us == INT64_MAX)
        FAIL(n, "n%u never announces again", n->index);
}

static void
audit_node(struct node *n)
{
    const struct bitfield *have = swarm_have(n->swarm);
    struct swarm_stats st;

    swarm_get_stats(n->swarm, &st, n->sim->engine.now);
    for (uint32_t i = 0; i < have->nbits; i++)
        if (bitfield_get(have, i) != bitfield_get(&n->disk.done, i))
            FAIL(n, "n%u and its disk differ about piece %" PRIu32, n->index, i);
    if (st.uploaded != n->count.core_up)
        FAIL(n, "n%u counts %" PRIu64 " bytes up, and it was told of %" PRIu64, n->index,
             st.uploaded, n->count.core_up);
    if (st.downloaded != n->count.core_down)
        FAIL(n, "n%u counts %" PRIu64 " bytes down, and it was given %" PRIu64, n->index,
             st.downloaded, n->count.core_down);
    if (st.up_overhead != n->count.over_up || st.down_overhead != n->count.over_down)
        FAIL(n,
             "n%u counts %" PRIu64 " bytes of overhead up and %" PRIu64 " down: it were %" PRIu64
             " and %" PRIu64,
             n->index, st.up_overhead, st.down_overhead, n->count.over_up, n->count.over_down);
    if (st.peers_connected != count_links(n) || st.peers_half_open != n->count.half_open)
        FAIL(n, "n%u counts %" PRIu32 " peers and %" PRIu32 " half open", n->index,
             st.peers_connected, st.peers_half_open);
    if (st.peers_connected > n->spec.peers_max)
        FAIL(n, "n%u has %" PRIu32 " peers", n->index, st.peers_connected);
    audit_peers(n);
    if (st.state == SWARM_ACTIVE && !n->sim->tracking.none)
        audit_announces(n);
}

void
check_audit(struct sim *s)
{
    const struct sim_ledger *g = &s->ledger;

    if (g->left != g->came + g->lost + g->flying)
        sim_fail(s, "%" PRIu64 " bytes left, %" PRIu64 " came, %" PRIu64 " are lost", g->left,
                 g->came, g->lost);
    for (unsigned i = 0; i < s->count; i++)
        if (node_running(s->nodes[i]) && node_honest(s->nodes[i]))
            audit_node(s->nodes[i]);
}

void
check_disk(struct node *n)
{
    const struct bitfield *c = &n->disk.committed;

    for (uint32_t i = bitfield_next_set(c, 0); i < c->nbits; i = bitfield_next_set(c, i + 1))
        if (!vdisk_good(&n->disk, i))
            FAIL(n, "n%u lost piece %" PRIu32 ", which it had committed", n->index, i);
}

void
check_end(struct sim *s)
{
    if (block_pool_used(s->pool) != 0)
        sim_fail(s, "%" PRIu32 " blocks are left at the end", block_pool_used(s->pool));
    if (s->links.count != 0)
        sim_fail(s, "%" PRIu32 " connections are left at the end", s->links.count);
    for (unsigned i = 0; i < s->count; i++) {
        struct node *n = s->nodes[i];

        check_disk(n);
        if (!list_empty(&n->jobs))
            FAIL(n, "n%u stopped with work under way", i);
        if (n->disk.staged.count > 0 || n->disk.syncing.count > 0)
            FAIL(n, "n%u left without a last sync", i);
    }
}
