/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connections of a swarm: how they start (dialled or accepted), the first messages, the
 * dispatch of messages, and how they end. The upload, download and hash parts handle the messages
 * that concern transfers.
 */
#include "peer/core/swarm_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

static void
peer_set_state(struct swarm_peer *p, enum peer_state state)
{
    p->state = state;
}

static struct swarm_peer *
peer_new(struct swarm *s, uint32_t number, const struct endpoint *addr, bool incoming)
{
    struct swarm_peer *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    if (bitfield_init(&p->has, s->geo.piece_count) != 0) {
        free(p);
        return NULL;
    }
    p->id = slotmap_add(&s->peers, p);
    if (p->id == SLOT_NONE) {
        bitfield_fini(&p->has);
        free(p);
        return NULL;
    }
    p->state = PEER_CONNECTING;
    p->number = number;
    p->addr = *addr;
    p->incoming = incoming;
    p->since = p->used = p->last_sent = p->last_received = s->clock.now;
    p->ext.reqq = 250; /* BEP 10: the default of a peer that names none */
    p->down.choked = p->up.choked = true;
    reqlist_init(&p->down.requests, PIPELINE_DEPTH_MAX);
    reqlist_init(&p->up.queue, SWARM_UPLOADS_QUEUED_MAX);
    pipeline_init(&p->down.pipe, s->clock.now);
    pex_out_init(&p->pex.out);
    s->load.half_open++;
    return p;
}

static void
peer_free(struct swarm *s, struct swarm_peer *p)
{
    slotmap_remove(&s->peers, p->id);
    bitfield_fini(&p->has);
    bitfield_fini(&p->up.shown);
    reqlist_fini(&p->down.requests);
    reqlist_fini(&p->up.queue);
    pex_out_fini(&p->pex.out);
    free(p);
}

bool
peer_is_seed(const struct swarm_peer *p)
{
    return bitfield_full(&p->has);
}

static bool
may_dial(const struct swarm *s)
{
    return s->load.half_open < SWARM_HALF_OPEN_MAX && s->peers.count < s->cfg.peers_max;
}

/* The addresses that we don't dial: a seed does not dial seeds, and addresses from other peers
 * (hearsay) must not take the connections of better known ones. */
static unsigned
not_dialled(const struct swarm *s)
{
    return (picker_missing(s->picker) == 0 ? PEERLIST_NO_SEEDS : 0) |
           (s->load.hearsay_dials >= SWARM_HEARSAY_DIALS_MAX ? PEERLIST_NO_HEARSAY : 0);
}

struct mono
peers_candidate_expiry(const struct swarm *s)
{
    return peerlist_expiry(s->list, not_dialled(s));
}

struct mono
peers_expiry(const struct swarm *s)
{
    return may_dial(s) ? peerlist_expiry(s->list, not_dialled(s)) : MONO_NEVER;
}

void
peers_connect(struct swarm *s)
{
    while (may_dial(s)) {
        uint32_t number = peerlist_next(s->list, not_dialled(s), s->clock.now);
        struct swarm_peer *p;

        if (number == PEERLIST_NONE)
            return;
        if (room_site_full(s, peerlist_addr(s->list, number))) {
            peerlist_on_failed(s->list, number, PEER_TRY_LIMIT, s->clock.now);
            continue;
        }
        p = peer_new(s, number, peerlist_addr(s->list, number), false);
        if (p == NULL)
            return;
        p->hearsay = peerlist_is_hearsay(s->list, number);
        s->load.hearsay_dials += p->hearsay;
        peerlist_on_connecting(s->list, number);
        fx_push(s, SWARM_FX_CONNECT, p->id)->u.connect.addr = p->addr;
    }
}

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

    while ((q = slotmap_next(&s->peers, &iter)) != NULL)
        if (q != p && q->state == PEER_UP && endpoint_same_host(&q->addr, &p->addr) &&
            memcmp(q->peer_id, p->peer_id, PEER_ID_LEN) == 0)
            return q;
    return NULL;
}

/* Two peers may dial each other at the same time. Both keep the connection that the lower peer id
 * made, so that exactly one survives. A connection that has long been silent gives way to the new
 * one: the peer may have lost its power and reconnects after its restart. */
static bool
twin_wins(const struct swarm *s, const struct swarm_peer *p, const struct swarm_peer *twin)
{
    bool we_are_lower = memcmp(s->cfg.peer_id, p->peer_id, PEER_ID_LEN) < 0;

    if (mono_diff_ms(s->clock.now, twin->last_received) > SWARM_TWIN_SILENT_MS)
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
        peer_close(s, twin, SPRAT_E_EXISTS);
    }
    return 0;
}

static void
peer_up(struct swarm *s, struct swarm_peer *p, const struct swarm_input *in)
{
    const struct handshake *h = &in->u.conn.handshake;

    peer_set_state(p, PEER_UP);
    s->load.half_open--;
    s->load.hearsay_dials -= p->hearsay;
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
    memcpy(p->peer_id, in->u.conn.handshake.peer_id, PEER_ID_LEN);
    err = judge_identity(s, p);
    /* Other peers may have connected while this one was being dialled. */
    if (err == 0 && s->peers.count - s->load.half_open >= s->cfg.peers_max)
        err = SPRAT_E_LIMIT;
    if (err != 0) {
        peer_close(s, p, err);
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

    if (s->state != SWARM_ACTIVE || peerlist_is_banned(s->list, &in->u.conn.addr)) {
        refuse(s, in->u.conn.token, SPRAT_E_REFUSED);
        return;
    }
    if (room_site_full(s, &in->u.conn.addr) || !room_make(s, &in->u.conn.addr) ||
        (p = take_incoming(s, &in->u.conn.addr)) == NULL) {
        refuse(s, in->u.conn.token, SPRAT_E_LIMIT);
        return;
    }
    memcpy(p->peer_id, in->u.conn.handshake.peer_id, PEER_ID_LEN);
    err = judge_identity(s, p);
    if (err != 0) {
        refuse(s, in->u.conn.token, err);
        peer_on_closed(s, p, err);
        return;
    }
    fx = fx_push(s, SWARM_FX_ACCEPT, p->id);
    fx->u.accept.token = in->u.conn.token;
    peer_up(s, p, in);
}

/* Closes the connections to banned sites. */
static void
close_banned(struct swarm *s, int err)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = slotmap_next(&s->peers, &iter)) != NULL)
        if (peerlist_is_banned(s->list, &p->addr))
            peer_close(s, p, err);
}

static void
tell_banned(struct swarm *s, uint32_t number, int err)
{
    fx_notice(s, SWARM_NOTICE_BANNED, 0, err)->u.notice.peer_addr = *peerlist_addr(s->list, number);
}

/* Counts the offence of a peer that broke the protocol. A peer that is only closed reconnects at
 * once and does the same again: it would keep us busy for ever, and its unrequested bytes count
 * against our limit. */
static bool
has_offended(struct swarm *s, const struct swarm_peer *p, int err)
{
    if (err != SPRAT_E_PROTOCOL || !peerlist_offend(s->list, p->number, s->clock.now))
        return false;
    tell_banned(s, p->number, err);
    return true;
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

void
peer_on_closed(struct swarm *s, struct swarm_peer *p, int err)
{
    bool banned = p->state != PEER_CONNECTING && has_offended(s, p, err);

    if (p->state == PEER_CONNECTING) {
        s->load.half_open--;
        s->load.hearsay_dials -= p->hearsay;
        /* Our own lack of resources is not the peer's failure. */
        if (err == SPRAT_E_LIMIT || err == SPRAT_E_NOMEM)
            peerlist_on_closed(s->list, p->number, true, s->clock.now);
        else
            peerlist_on_failed(s->list, p->number, peer_try_from(err, p->reached), s->clock.now);
        tell_unreached(s, p, err);
    } else {
        download_abort(s, p, false);
        if (peer_is_seed(p))
            s->load.seeds--;
        picker_remove_peer(s->picker, &p->has);
        peerlist_on_closed(s->list, p->number, p->useful, s->clock.now);
        upload_on_peer_gone(s, p);
        offer_on_peer_gone(s, p);
        hash_on_peer_gone(s, p);
    }
    peer_free(s, p);
    if (banned)
        close_banned(s, err);
    if (s->state == SWARM_ACTIVE) {
        download_fill_all(s);
        hash_pump(s);
    }
}

void
peer_close(struct swarm *s, struct swarm_peer *p, int err)
{
    fx_push(s, SWARM_FX_CLOSE, p->id)->u.close.err = err;
    peer_on_closed(s, p, err);
}

void
peers_close_all(struct swarm *s, int err)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = slotmap_next(&s->peers, &iter)) != NULL)
        peer_close(s, p, err);
}

void
peer_ban(struct swarm *s, uint32_t number, int err)
{
    if (peerlist_addr(s->list, number) == NULL)
        return;
    tell_banned(s, number, err);
    peerlist_ban(s->list, number, s->clock.now);
    close_banned(s, err);
}

void
peers_on_banned(struct swarm *s)
{
    peerlist_forget_banned(s->list);
    close_banned(s, SPRAT_E_REFUSED);
}

/* To be called after each change of |p|'s pieces: counts seeds, and closes a peer that is of no use
 * to us. True if |p| is still connected. */
static bool
has_changed(struct swarm *s, struct swarm_peer *p, bool was_seed)
{
    bool is_seed = peer_is_seed(p);

    if (is_seed != was_seed)
        s->load.seeds += is_seed ? 1 : -1u;
    if (!room_keep(s, p))
        return false;
    download_update_interest(s, p);
    download_fill(s, p);
    return true;
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
        peer_close(s, p, SPRAT_E_PROTOCOL);
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
        peer_close(s, p, SPRAT_E_PROTOCOL);
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
        peer_close(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    pipeline_set_reqq(&p->down.pipe, p->ext.reqq);
    if (p->incoming && p->ext.port != 0)
        peerlist_set_port(s->list, p->number, p->ext.port);
    if (ownaddr_vote(&s->own, &p->addr, &p->ext.yourip, s->clock.now))
        peerlist_set_own(s->list, ownaddr_get(&s->own, (enum ip_family)p->ext.yourip.family));
    pex_on_handshake(s, p);
    room_keep(s, p);
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
            peer_close(s, p, SPRAT_E_PROTOCOL);
        break;
    case EXTMSG_UPLOAD_ONLY:
        if (extmsg_read_upload_only(msg->data, msg->len, &p->ext.upload_only) != 0)
            peer_close(s, p, SPRAT_E_PROTOCOL);
        else
            room_keep(s, p);
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

void
peer_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    if (p->state != PEER_UP) {
        block_drop(msg->block);
        return;
    }
    p->last_received = s->clock.now;
    if (!is_allowed(p, msg->type) || !talk_allows(s, p, msg)) {
        block_drop(msg->block);
        peer_close(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    switch (msg->type) {
    case WIRE_CHOKE: download_on_choke(s, p); break;
    case WIRE_UNCHOKE: on_unchoke(s, p); break;
    case WIRE_INTERESTED: upload_on_interest(s, p, true); break;
    case WIRE_NOT_INTERESTED:
        upload_on_interest(s, p, false);
        room_keep(s, p);
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
    case WIRE_HASHES: hash_on_hashes(s, p, msg); break;
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
        peer_close(s, p, SPRAT_E_TIMEOUT);
        return;
    }
    if (mono_diff_ms(now, p->last_sent) > SWARM_KEEPALIVE_MS)
        fx_send(s, p, WIRE_KEEPALIVE);
    hash_tick(s, p);
    offer_peer_tick(s, p);
    pex_tick(s, p);
    download_tick(s, p);
}
