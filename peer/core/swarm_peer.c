/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connections of a swarm: how they start (dialled or accepted), the first messages, the
 * dispatch of messages, and how they end. The upload, download and hash parts handle the messages
 * that concern transfers.
 */
#include "peer/core/swarm_peer.h"

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/crowd_fx.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_convict.h"
#include "peer/core/swarm_download.h"
#include "peer/core/swarm_fx.h"
#include "peer/core/swarm_hash.h"
#include "peer/core/swarm_metadata.h"
#include "peer/core/swarm_offer.h"
#include "peer/core/swarm_overhead.h"
#include "peer/core/swarm_dial.h"
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
        if (p->at.fast)
            fx_send(s, p, WIRE_HAVE_NONE);
    } else if (p->at.fast && bitfield_full(have)) {
        fx_send(s, p, WIRE_HAVE_ALL);
    } else if (have->count > 0) {
        msg = fx_send(s, p, WIRE_BITFIELD);
        msg->data = have->bytes;
        msg->len = bitfield_size(have->nbits);
    } else if (p->at.fast) {
        fx_send(s, p, WIRE_HAVE_NONE);
    }
}

static void
send_ext_handshake(struct swarm *s, struct swarm_peer *p)
{
    bool upload_only = picker_missing(s->picker) == 0 && !p->up.veiled;

    crowd_fx_ext_handshake(&s->fx, s->crowd, &p->at, upload_only, s->clock.now);
}

static void
send_port(struct swarm *s, struct swarm_peer *p)
{
    uint16_t port = crowd_port_to_say(s->crowd, &p->at);

    if (port != 0)
        fx_send(s, p, WIRE_PORT)->port = port;
}

/* The connection is up. */
static void
peer_up(struct swarm *s, struct swarm_peer *p, const struct swarm_input *in)
{
    p->v2 = in->u.conn.v2 && s->tree != NULL;
    if (s->cfg.receivers != NULL)
        p->receiver = receivers_enter(s->cfg.receivers, p->at.peer_id, &p->at.addr);
    offer_veil(s, p);
    send_bitfield(s, p);
    if (p->at.extended)
        send_ext_handshake(s, p);
    send_port(s, p);
    upload_init(s, p);
    offer_fill(s, p);
    hash_pump(s);
}

void
peer_on_connected(struct swarm *s, struct swarm_peer *p, const struct swarm_input *in)
{
    int err;

    if (p->at.state != PEER_CONNECTING)
        return;
    overhead_on_received(s, HANDSHAKE_LEN);
    err = crowd_on_handshake(s->crowd, &p->at, &in->u.conn.handshake, s->clock.now);
    if (err != 0)
        peer_doom(s, p, err);
    else
        peer_up(s, p, in);
}

static struct swarm_peer *
take_incoming(struct swarm *s, const struct endpoint *addr)
{
    struct swarm_peer *p = peer_new(s);

    if (p != NULL && !crowd_join_accepted(s->crowd, &p->at, addr, s->clock.now)) {
        peer_free(p);
        return NULL;
    }
    return p;
}

void
peer_on_accepted(struct swarm *s, const struct swarm_input *in)
{
    const struct endpoint *addr = &in->u.conn.addr;
    struct swarm_peer *p;
    int err = SPRAT_E_REFUSED;

    overhead_on_received(s, HANDSHAKE_LEN);
    if (s->state == SWARM_ACTIVE)
        err = crowd_admit(s->crowd, addr, s->clock.now);
    if (err != 0) {
        crowd_fx_refuse(&s->fx, in->u.conn.token, err);
        return;
    }
    p = take_incoming(s, addr);
    if (p == NULL) {
        crowd_fx_refuse(&s->fx, in->u.conn.token, SPRAT_E_LIMIT);
        return;
    }
    err = crowd_on_handshake(s->crowd, &p->at, &in->u.conn.handshake, s->clock.now);
    if (err != 0) {
        crowd_fx_refuse(&s->fx, in->u.conn.token, err);
        peer_doom_silently(s, p, err);
        return;
    }
    fx_push(s, SWARM_FX_ACCEPT, p->at.id)->u.accept.token = in->u.conn.token;
    peer_up(s, p, in);
}

/* Withdraws all that the connection held. */
static void
withdraw(struct swarm *s, struct swarm_peer *p)
{
    download_abort(s, p, false);
    picker_remove_peer(s->picker, &p->has);
    peer_leave_receivers(s, p);
    upload_on_peer_gone(s, p);
    offer_on_peer_gone(s, p);
    hash_on_peer_gone(s, p);
}

static void
reap(struct swarm *s, struct swarm_peer *p)
{
    struct crowd_parting parting;

    crowd_fx_close(&s->fx, &p->at);
    if (p->at.doom.was_up)
        withdraw(s, p);
    parting = crowd_part(s->crowd, &p->at, s->clock.now);
    crowd_fx_parted(&s->fx, &p->at, &parting);
    peer_free(p);
}

void
peers_reap(struct swarm *s)
{
    struct crowd_peer *at = crowd_next_doomed(s->crowd);
    bool any = at != NULL;

    for (; at != NULL; at = crowd_next_doomed(s->crowd))
        reap(s, peer_of(at));
    if (any && s->state == SWARM_ACTIVE) {
        download_fill_all(s);
        hash_pump(s);
    }
}

/* To be called after each change of |p|'s pieces or interest. */
static void
note_receiver(struct swarm *s, const struct swarm_peer *p)
{
    if (s->cfg.receivers != NULL)
        receivers_note(s->cfg.receivers, p->receiver, p->has.count, s->geo.piece_count,
                       p->up.interested);
}

/* To be called after each change of |p|'s pieces. Dooms a peer that is of no use to us. */
static void
has_changed(struct swarm *s, struct swarm_peer *p)
{
    note_receiver(s, p);
    room_review(s, p);
    download_update_interest(s, p);
    download_fill(s, p);
}

static void
on_bitfield(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
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
    has_changed(s, p);
}

static void
on_have(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    if (piece >= s->geo.piece_count) {
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    if (!bitfield_set(&p->has, piece))
        return;
    picker_add_have(s->picker, piece);
    offer_on_have(s, p, piece);
    has_changed(s, p);
}

/* BEP 54. */
static void
on_donthave(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    if (piece >= s->geo.piece_count || !bitfield_get(&p->has, piece))
        return;
    bitfield_clear(&p->has, piece);
    picker_remove_have(s->picker, piece);
    download_drop_piece(s, p, piece);
    has_changed(s, p);
}

static void
on_ext_handshake(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    if (crowd_on_ext_handshake(s->crowd, &p->at, msg->data, msg->len, s->clock.now) != 0) {
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    pipeline_set_reqq(&p->down.pipe, p->at.ext.reqq);
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
        if (extmsg_read_upload_only(msg->data, msg->len, &p->at.ext.upload_only) != 0)
            peer_doom(s, p, SPRAT_E_PROTOCOL);
        else
            room_review(s, p);
        break;
    case EXTMSG_PEX:
        if (crowd_on_pex(s->crowd, &p->at, msg->data, msg->len, s->clock.now) != 0)
            peer_doom(s, p, SPRAT_E_PROTOCOL);
        break;
    case EXTMSG_METADATA: metadata_on_message(s, p, msg); break;
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
    case WIRE_ALLOWED_FAST: return p->at.fast;
    case WIRE_EXTENDED: return p->at.extended;
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
    if (p->at.state != PEER_UP) {
        block_drop(msg->block);
        return;
    }
    p->at.last_received = s->clock.now;
    overhead_on_received(s, total - (msg->type == WIRE_PIECE ? msg->length : 0));
    if (!is_allowed(p, msg->type) || !talk_allows(s, p, msg)) {
        block_drop(msg->block);
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    switch (msg->type) {
    case WIRE_CHOKE: download_on_choke(s, p); break;
    case WIRE_UNCHOKE: on_unchoke(s, p); break;
    case WIRE_INTERESTED:
        upload_on_interest(s, p, true);
        note_receiver(s, p);
        break;
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
    case WIRE_PORT: crowd_fx_port(&s->fx, s->crowd, &p->at, msg->port); break;
    case WIRE_KEEPALIVE: break;
    }
}

void
peer_tick(struct swarm *s, struct swarm_peer *p)
{
    struct mono now = s->clock.now;

    if (mono_diff_ms(now, p->at.last_received) > SWARM_IDLE_MS ||
        crowd_is_owed(s->crowd, &p->at, dial_without(s), now) ||
        (upload_stuck(p) > 0 && mono_diff_ms(now, p->up.moved) > SWARM_STUCK_MS)) {
        peer_doom(s, p, SPRAT_E_TIMEOUT);
        return;
    }
    if (mono_diff_ms(now, p->at.last_sent) > SWARM_KEEPALIVE_MS)
        fx_send(s, p, WIRE_KEEPALIVE);
    upload_tick(p);
    hash_tick(s, p);
    offer_peer_tick(s, p);
    if (s->state == SWARM_ACTIVE)
        crowd_fx_pex(&s->fx, s->crowd, &p->at, now);
    download_tick(s, p);
}
