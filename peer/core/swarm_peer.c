/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connections of a swarm: how they start (dialled or accepted), the first messages, the
 * dispatch of messages, and how they end. The upload, download and hash parts handle the messages
 * that concern transfers.
 */
#include "peer/core/swarm_peer.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_convict.h"
#include "peer/core/swarm_download.h"
#include "peer/core/swarm_fx.h"
#include "peer/core/swarm_hash.h"
#include "peer/core/swarm_offer.h"
#include "peer/core/swarm_overhead.h"
#include "peer/core/swarm_pex.h"
#include "peer/core/swarm_piece.h"
#include "peer/core/swarm_room.h"
#include "peer/core/swarm_talk.h"
#include "peer/core/swarm_upload.h"

/* The first message: which pieces we have (BEP 3, BEP 6). */
static void
send_bitfield(struct swarm *s, struct swarm_peer *p)
{
    const struct bitfield *have = picker_bitfield(s->picker);
    struct wire_msg *msg;

    if (p->up.veiled) {
        if (p->fast)
            fx_send(s, p, WIRE_HAVE_NONE);
    } else if (p->fast && bitfield_full(have)) {
        fx_send(s, p, WIRE_HAVE_ALL);
    } else if (have->count > 0) {
        msg = fx_send(s, p, WIRE_BITFIELD);
        msg->data = have->bytes;
        msg->len = bitfield_size(have->nbits);
    } else if (p->fast) {
        fx_send(s, p, WIRE_HAVE_NONE);
    }
}

static void
send_ext_handshake(struct swarm *s, struct swarm_peer *p)
{
    const struct ext_offer offer = {.client = s->cfg.client,
                                    .listen_port = s->cfg.listen_port,
                                    .reqq = SWARM_UPLOADS_QUEUED_MAX,
                                    .upload_only = picker_missing(s->picker) == 0 && !p->up.veiled,
                                    .no_pex = !pex_enabled(s),
                                    .theirs = &p->addr};
    struct wire_msg msg = {.type = WIRE_EXTENDED};
    struct buf buf;

    buf_init(&buf, EXTMSG_SIZE_MAX);
    if (extmsg_put_handshake(&buf, &offer) == 0)
        fx_send_buf(s, p, &msg, &buf);
    buf_fini(&buf);
}

/* Another live connection to the same peer id at the same address, or NULL. A peer id is public:
 * every handshake carries it. Therefore the same id at another address counts as another peer, and
 * a peer that copies an id can neither close its owner's connection nor keep the owner out. */
static struct swarm_peer *
find_twin(struct swarm *s, const struct swarm_peer *p)
{
    uint32_t iter = 0;
    struct swarm_peer *q;

    while ((q = peers_next(s, &iter)) != NULL)
        if (q != p && q->state == PEER_UP && endpoint_same_host(&q->addr, &p->addr) &&
            memcmp(q->peer_id, p->peer_id, PEER_ID_LEN) == 0)
            return q;
    return NULL;
}

/* Two peers may dial each other at the same time. Both keep the connection that the lower peer id
 * made, so that exactly one survives. A connection that has long been silent gives way to the new
 * one: the peer may have lost its power and reconnects after its restart. Silence in either
 * direction counts, so that both ends judge alike. */
static bool
twin_wins(const struct swarm *s, const struct swarm_peer *p, const struct swarm_peer *twin)
{
    bool we_are_lower = memcmp(s->cfg.peer_id, p->peer_id, PEER_ID_LEN) < 0;
    struct mono both_spoke = mono_min(twin->last_received, twin->last_sent);

    if (mono_diff_ms(s->clock.now, both_spoke) > SWARM_TWIN_SILENT_MS)
        return false;
    if (p->incoming == twin->incoming)
        return true;
    return twin->incoming != we_are_lower;
}

/* Decides whether we keep the connection: 0, or the reason against it. */
static int
judge_identity(struct swarm *s, struct swarm_peer *p)
{
    struct swarm_peer *twin;

    if (memcmp(p->peer_id, s->cfg.peer_id, PEER_ID_LEN) == 0) {
        peerlist_on_self(s->list, p->number);
        return SPRAT_E_EXISTS;
    }
    if (peerlist_is_banned(s->list, &p->addr))
        return SPRAT_E_PROTOCOL;
    twin = find_twin(s, p);
    if (twin != NULL) {
        if (twin_wins(s, p, twin))
            return SPRAT_E_EXISTS;
        peer_doom(s, twin, SPRAT_E_EXISTS);
    }
    return 0;
}

static void
peer_up(struct swarm *s, struct swarm_peer *p, const struct swarm_input *in)
{
    const struct handshake *h = &in->u.conn.handshake;

    peer_set_up(s, p);
    p->fast = h->fast;
    p->extended = h->extended;
    p->v2 = in->u.conn.v2 && s->tree != NULL;
    p->since = p->last_received = s->clock.now;
    peerlist_on_up(s->list, p->number);
    offer_veil(s, p);
    send_bitfield(s, p);
    if (p->extended)
        send_ext_handshake(s, p);
    upload_init(s, p);
    offer_fill(s, p);
    hash_pump(s);
}

void
peer_on_connected(struct swarm *s, struct swarm_peer *p, const struct swarm_input *in)
{
    int err;

    if (p->state != PEER_CONNECTING)
        return;
    overhead_on_received(s, HANDSHAKE_LEN);
    memcpy(p->peer_id, in->u.conn.handshake.peer_id, PEER_ID_LEN);
    err = judge_identity(s, p);
    /* Other peers may have connected while this one was being dialled. */
    if (err == 0 && s->peers.up >= s->cfg.peers_max)
        err = SPRAT_E_LIMIT;
    if (err != 0) {
        peer_doom(s, p, err);
        return;
    }
    peer_up(s, p, in);
}

static void
refuse(struct swarm *s, uint64_t token, int err)
{
    struct swarm_effect *fx = fx_push(s, SWARM_FX_REFUSE, SLOT_NONE);

    fx->u.accept.token = token;
    fx->u.accept.err = err;
}

/* The address of an incoming peer goes into the peer list with port 0, since its listen port is
 * unknown until the peer names it. */
static struct swarm_peer *
take_incoming(struct swarm *s, const struct endpoint *addr)
{
    struct endpoint host = *addr;
    struct swarm_peer *p;
    uint32_t number;

    host.port = 0;
    number = peerlist_add(s->list, &host, PEER_FROM_INCOMING);
    if (number == PEERLIST_NONE)
        return NULL;
    p = peer_new(s, number, addr, true);
    if (p != NULL)
        peerlist_on_connecting(s->list, number);
    return p;
}

void
peer_on_accepted(struct swarm *s, const struct swarm_input *in)
{
    struct swarm_peer *p;
    struct swarm_effect *fx;
    int err;

    overhead_on_received(s, HANDSHAKE_LEN);
    if (s->state != SWARM_ACTIVE || peerlist_is_banned(s->list, &in->u.conn.addr)) {
        refuse(s, in->u.conn.token, SPRAT_E_REFUSED);
        return;
    }
    if (peers_site_full(s, &in->u.conn.addr) || !room_make(s, &in->u.conn.addr) ||
        (p = take_incoming(s, &in->u.conn.addr)) == NULL) {
        refuse(s, in->u.conn.token, SPRAT_E_LIMIT);
        return;
    }
    memcpy(p->peer_id, in->u.conn.handshake.peer_id, PEER_ID_LEN);
    err = judge_identity(s, p);
    if (err != 0) {
        refuse(s, in->u.conn.token, err);
        peer_doom_silently(s, p, err);
        return;
    }
    fx = fx_push(s, SWARM_FX_ACCEPT, p->id);
    fx->u.accept.token = in->u.conn.token;
    peer_up(s, p, in);
}

/* A user who names a peer waits for its connection. */
static void
tell_unreached(struct swarm *s, const struct swarm_peer *p, int err)
{
    struct peer_try_status st;
    struct swarm_effect *fx;

    if ((peerlist_sources(s->list, p->number) & PEER_FROM_USER) == 0 ||
        !peerlist_try_status(s->list, p->number, &st) || st.failures != 1)
        return;
    fx = fx_notice(s, SWARM_NOTICE_UNREACHED, 0, err);
    fx->u.notice.peer_addr = p->addr;
    fx->u.notice.how = st.how;
}

/* The peer list learns the listen port of an incoming peer. */
static void
name_port(struct swarm *s, const struct swarm_peer *p)
{
    if (p->incoming && p->ext.port != 0)
        peerlist_set_port(s->list, p->number, p->ext.port);
}

/* The address |dialled| is not being dialled any more. An incoming peer may have named it as its
 * own meanwhile: from now on it counts as connected, and is not dialled again. */
static void
name_ports_of(struct swarm *s, const struct endpoint *dialled)
{
    uint32_t iter = 0;
    struct swarm_peer *q;

    while ((q = peers_next(s, &iter)) != NULL)
        if (q->state == PEER_UP && q->ext.port == dialled->port &&
            endpoint_same_host(&q->addr, dialled))
            name_port(s, q);
}

/* The connection was never up: plans the next try of its address. */
static void
leave_unmade(struct swarm *s, const struct swarm_peer *p)
{
    int err = p->doom.err;

    /* Our own lack of resources is not the peer's failure. */
    if (err == SPRAT_E_LIMIT || err == SPRAT_E_NOMEM)
        peerlist_on_closed(s->list, p->number, true, s->clock.now);
    else
        peerlist_on_failed(s->list, p->number, peer_try_from(err, p->reached), s->clock.now);
    tell_unreached(s, p, err);
    name_ports_of(s, &p->addr);
}

/* Withdraws all that the connection held. */
static void
leave_up(struct swarm *s, struct swarm_peer *p)
{
    peer_offends(s, p, p->doom.err);
    download_abort(s, p, false);
    picker_remove_peer(s->picker, &p->has);
    peerlist_on_closed(s->list, p->number, p->useful, s->clock.now);
    upload_on_peer_gone(s, p);
    offer_on_peer_gone(s, p);
    hash_on_peer_gone(s, p);
}

void
peers_reap(struct swarm *s)
{
    struct swarm_peer *p = peers_next_doomed(s);
    bool any = p != NULL;

    for (; p != NULL; p = peers_next_doomed(s)) {
        if (p->doom.tell)
            fx_push(s, SWARM_FX_CLOSE, p->id)->u.close.err = p->doom.err;
        if (p->doom.was_up)
            leave_up(s, p);
        else
            leave_unmade(s, p);
        peer_free(s, p);
    }
    if (any && s->state == SWARM_ACTIVE) {
        download_fill_all(s);
        hash_pump(s);
    }
}

/* To be called after each change of |p|'s pieces: counts seeds, and dooms a peer that is of no use
 * to us. */
static void
has_changed(struct swarm *s, struct swarm_peer *p, bool was_seed)
{
    bool is_seed = peer_is_seed(p);

    if (is_seed != was_seed)
        s->peers.seeds += is_seed ? 1 : -1u;
    room_review(s, p);
    download_update_interest(s, p);
    download_fill(s, p);
}

static void
on_bitfield(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    bool was_seed = peer_is_seed(p);

    picker_remove_peer(s->picker, &p->has);
    if (msg->type == WIRE_HAVE_ALL) {
        bitfield_set_all(&p->has);
    } else if (msg->type == WIRE_HAVE_NONE) {
        bitfield_clear_all(&p->has);
    } else if (bitfield_load(&p->has, msg->data, msg->len) != 0) {
        picker_add_peer(s->picker, &p->has);
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    picker_add_peer(s->picker, &p->has);
    offer_on_has(s, p);
    has_changed(s, p, was_seed);
}

static void
on_have(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    bool was_seed = peer_is_seed(p);

    if (piece >= s->geo.piece_count) {
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    if (!bitfield_set(&p->has, piece))
        return;
    picker_add_have(s->picker, piece);
    offer_on_have(s, p, piece);
    has_changed(s, p, was_seed);
}

/* BEP 54. */
static void
on_donthave(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    bool was_seed = peer_is_seed(p);

    if (piece >= s->geo.piece_count || !bitfield_get(&p->has, piece))
        return;
    bitfield_clear(&p->has, piece);
    picker_remove_have(s->picker, piece);
    download_drop_piece(s, p, piece);
    has_changed(s, p, was_seed);
}

static void
on_ext_handshake(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    if (extmsg_read_handshake(&p->ext, msg->data, msg->len) != 0) {
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    pipeline_set_reqq(&p->down.pipe, p->ext.reqq);
    name_port(s, p);
    if (ownaddr_vote(&s->own, &p->addr, &p->ext.yourip, s->clock.now))
        peerlist_set_own(s->list, ownaddr_get(&s->own, (enum ip_family)p->ext.yourip.family));
    pex_on_handshake(s, p);
    room_review(s, p);
}

static void
on_extended(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    uint32_t piece;

    if (msg->ext_id == 0) {
        on_ext_handshake(s, p, msg);
        return;
    }
    switch (extmsg_kind_of(msg->ext_id)) {
    case EXTMSG_DONTHAVE:
        if (extmsg_read_donthave(msg->data, msg->len, &piece) == 0)
            on_donthave(s, p, piece);
        else
            peer_doom(s, p, SPRAT_E_PROTOCOL);
        break;
    case EXTMSG_UPLOAD_ONLY:
        if (extmsg_read_upload_only(msg->data, msg->len, &p->ext.upload_only) != 0)
            peer_doom(s, p, SPRAT_E_PROTOCOL);
        else
            room_review(s, p);
        break;
    case EXTMSG_PEX: pex_on_message(s, p, msg); break;
    case EXTMSG_KINDS: talk_junk(s, p, msg); break; /* not in our extended handshake */
    }
}

/* A message of the fast extension is a violation unless both sides offered the extension (BEP
 * 6). */
static bool
is_allowed(const struct swarm_peer *p, enum wire_type type)
{
    switch (type) {
    case WIRE_SUGGEST:
    case WIRE_HAVE_ALL:
    case WIRE_HAVE_NONE:
    case WIRE_REJECT:
    case WIRE_ALLOWED_FAST: return p->fast;
    case WIRE_EXTENDED: return p->extended;
    case WIRE_HASH_REQUEST:
    case WIRE_HASHES:
    case WIRE_HASH_REJECT: return p->v2;
    case WIRE_CHOKE:
    case WIRE_UNCHOKE:
    case WIRE_INTERESTED:
    case WIRE_NOT_INTERESTED:
    case WIRE_HAVE:
    case WIRE_BITFIELD:
    case WIRE_REQUEST:
    case WIRE_PIECE:
    case WIRE_CANCEL:
    case WIRE_PORT:
    case WIRE_KEEPALIVE:
    case WIRE_UNKNOWN: return true;
    }
    return true;
}

static void
on_unchoke(struct swarm *s, struct swarm_peer *p)
{
    p->down.choked = false;
    p->down.rejects = 0;
    p->down.paused_until = s->clock.now;
    download_fill(s, p);
}

static void
on_hashes(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    uint32_t piece = hash_on_hashes(s, p, msg);

    if (piece != HASH_NO_PIECE)
        convict_on_true_leaves(s, piece);
}

void
peer_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg, uint32_t total)
{
    ASSERT(total >= wire_size(msg));
    if (p->state != PEER_UP) {
        block_drop(msg->block);
        return;
    }
    p->last_received = s->clock.now;
    overhead_on_received(s, total - (msg->type == WIRE_PIECE ? msg->length : 0));
    if (!is_allowed(p, msg->type) || !talk_allows(s, p, msg)) {
        block_drop(msg->block);
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    switch (msg->type) {
    case WIRE_CHOKE: download_on_choke(s, p); break;
    case WIRE_UNCHOKE: on_unchoke(s, p); break;
    case WIRE_INTERESTED: upload_on_interest(s, p, true); break;
    case WIRE_NOT_INTERESTED:
        upload_on_interest(s, p, false);
        room_review(s, p);
        break;
    case WIRE_HAVE: on_have(s, p, msg->piece); break;
    case WIRE_BITFIELD:
    case WIRE_HAVE_ALL:
    case WIRE_HAVE_NONE: on_bitfield(s, p, msg); break;
    case WIRE_REQUEST: upload_on_request(s, p, msg); break;
    case WIRE_PIECE: download_on_block(s, p, msg); break;
    case WIRE_CANCEL: upload_on_cancel(s, p, msg); break;
    case WIRE_REJECT: download_on_reject(s, p, msg); break;
    case WIRE_ALLOWED_FAST: download_on_allowed_fast(s, p, msg->piece); break;
    case WIRE_SUGGEST: download_on_suggest(s, p, msg->piece); break;
    case WIRE_EXTENDED: on_extended(s, p, msg); break;
    case WIRE_HASH_REQUEST: hash_on_request(s, p, msg); break;
    case WIRE_HASHES: on_hashes(s, p, msg); break;
    case WIRE_HASH_REJECT: hash_on_reject(s, p, msg); break;
    case WIRE_UNKNOWN: talk_junk(s, p, msg); break;
    case WIRE_PORT: /* the peer's DHT port */
    case WIRE_KEEPALIVE: break;
    }
}

void
peer_tick(struct swarm *s, struct swarm_peer *p)
{
    struct mono now = s->clock.now;

    if (mono_diff_ms(now, p->last_received) > SWARM_IDLE_MS || room_is_owed(s, p) ||
        (upload_stuck(p) > 0 && mono_diff_ms(now, p->up.moved) > SWARM_STUCK_MS)) {
        peer_doom(s, p, SPRAT_E_TIMEOUT);
        return;
    }
    if (mono_diff_ms(now, p->last_sent) > SWARM_KEEPALIVE_MS)
        fx_send(s, p, WIRE_KEEPALIVE);
    upload_tick(p);
    hash_tick(s, p);
    offer_peer_tick(s, p);
    pex_tick(s, p);
    download_tick(s, p);
}
