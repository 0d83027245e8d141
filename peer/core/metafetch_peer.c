/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A peer may say which pieces it has, or unchoke us, before we can judge such messages: they are
 * ignored. All messages except the blocks that we requested count against the peer's allowance, as
 * in a swarm (SWARM_TALK_RATE).
 */
#include "peer/core/metafetch_peer.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/crowd_fx.h"
#include "peer/core/extmsg.h"
#include "peer/core/metafetch_ask.h"
#include "peer/core/metafetch_copies.h"

/* --- records --- */

static struct metafetch_peer *
peer_new(void)
{
    struct metafetch_peer *p = calloc(1, sizeof(*p));

    if (p != NULL)
        p->window = METAFETCH_FLIGHT_MAX;
    return p;
}

static void
peer_free(struct metafetch_peer *p)
{
    free(p->out);
    free(p);
}

void
fetch_view(const void *metafetch, const struct crowd_peer *at, struct crowd_view *v)
{
    const struct metafetch *m = metafetch;
    const struct metafetch_peer *p = fetch_peer_of(at);

    *v = (struct crowd_view){.owes = ask_is_owed(m, p), .worth = p->size > 0 ? 1 : 0};
}

/* --- sending --- */

/* Appends a SEND of |type| without payload; the caller fills in the rest. */
static struct wire_msg *
send_plain(struct metafetch *m, struct metafetch_peer *p, enum wire_type type)
{
    struct wire_msg *msg = &fx_queue_push(&m->fx, SWARM_FX_SEND, p->at.id)->u.msg;

    p->at.last_sent = m->now;
    msg->type = type;
    return msg;
}

/* --- connections begin --- */

void
fetch_dial(struct metafetch *m)
{
    uint32_t number;

    while ((number = crowd_next_dial(m->crowd, 0, m->now)) != PEERLIST_NONE) {
        struct metafetch_peer *p = peer_new();

        if (p == NULL || !crowd_join_dialled(m->crowd, &p->at, number, m->now)) {
            free(p);
            return;
        }
        crowd_fx_connect(&m->fx, &p->at);
    }
}

static void
send_port(struct metafetch *m, struct metafetch_peer *p)
{
    uint16_t port = crowd_port_to_say(m->crowd, &p->at);

    if (port != 0)
        send_plain(m, p, WIRE_PORT)->port = port;
}

/* The handshakes are done. With the fast extension, the first message is about pieces (BEP 6). */
static void
on_up(struct metafetch *m, struct metafetch_peer *p)
{
    if (p->at.fast)
        send_plain(m, p, WIRE_HAVE_NONE);
    if (p->at.extended)
        crowd_fx_ext_handshake(&m->fx, m->crowd, &p->at, false, m->now);
    send_port(m, p);
}

static void
on_connected(struct metafetch *m, struct metafetch_peer *p, const struct swarm_input *in)
{
    int err;

    if (p->at.state != PEER_CONNECTING)
        return;
    err = crowd_on_handshake(m->crowd, &p->at, &in->u.conn.handshake, m->now);
    if (err != 0)
        crowd_doom(m->crowd, &p->at, err, true);
    else
        on_up(m, p);
}

void
fetch_on_accepted(struct metafetch *m, const struct swarm_input *in)
{
    int err = m->state == SWARM_ACTIVE ? crowd_admit(m->crowd, &in->u.conn.addr, m->now)
                                       : SPRAT_E_REFUSED;
    struct metafetch_peer *p = err == 0 ? peer_new() : NULL;

    if (p == NULL || !crowd_join_accepted(m->crowd, &p->at, &in->u.conn.addr, m->now)) {
        free(p);
        crowd_fx_refuse(&m->fx, in->u.conn.token, err != 0 ? err : SPRAT_E_LIMIT);
        return;
    }
    err = crowd_on_handshake(m->crowd, &p->at, &in->u.conn.handshake, m->now);
    if (err != 0) {
        crowd_fx_refuse(&m->fx, in->u.conn.token, err);
        crowd_doom(m->crowd, &p->at, err, false);
        return;
    }
    fx_queue_push(&m->fx, SWARM_FX_ACCEPT, p->at.id)->u.accept.token = in->u.conn.token;
    on_up(m, p);
}

/* --- messages --- */

static bool
allows(struct metafetch *m, struct metafetch_peer *p, const struct wire_msg *msg, uint32_t times)
{
    const struct allowance_terms terms = {.rate = SWARM_TALK_RATE, .most = SWARM_TALK_MOST};
    uint64_t cost = ((uint64_t)wire_size(msg) + SWARM_TALK_MESSAGE) * times;

    return allowance_take(&p->talk, cost, terms, m->now);
}

/* Charges a message that has no effect. */
static void
on_junk(struct metafetch *m, struct metafetch_peer *p, const struct wire_msg *msg, uint32_t times)
{
    if (!allows(m, p, msg, times))
        crowd_doom(m->crowd, &p->at, SPRAT_E_PROTOCOL, true);
}

/* A peer may offer the metadata later than its first handshake, and offer it no more. A size that
 * changes is a lie. */
static void
on_offer(struct metafetch *m, struct metafetch_peer *p)
{
    uint32_t size = p->at.ext.ids[EXTMSG_METADATA] != 0 ? p->at.ext.metadata_size : 0;

    if (size == p->size)
        return;
    if (p->size != 0 && size != 0) {
        crowd_doom(m->crowd, &p->at, SPRAT_E_PROTOCOL, true);
        return;
    }
    if (size == 0)
        copies_leave(m, p);
    p->size = size;
    p->waits = m->now;
    copies_assign(m, p);
}

static void
on_ext_handshake(struct metafetch *m, struct metafetch_peer *p, const struct wire_msg *msg)
{
    if (crowd_on_ext_handshake(m->crowd, &p->at, msg->data, msg->len, m->now) == 0)
        on_offer(m, p);
    else
        crowd_doom(m->crowd, &p->at, SPRAT_E_PROTOCOL, true);
}

/* Returns false for a message that has no effect. */
static bool
on_extension(struct metafetch *m, struct metafetch_peer *p, const struct wire_msg *msg)
{
    switch (extmsg_kind_of(msg->ext_id)) {
    case EXTMSG_METADATA: return ask_on_message(m, p, msg->data, msg->len);
    case EXTMSG_PEX:
        if (crowd_on_pex(m->crowd, &p->at, msg->data, msg->len, m->now) != 0)
            crowd_doom(m->crowd, &p->at, SPRAT_E_PROTOCOL, true);
        return true;
    case EXTMSG_UPLOAD_ONLY: /* The swarm's next connection tells us again. */
    case EXTMSG_DONTHAVE: return true;
    case EXTMSG_KINDS: return false;
    }
    return false;
}

/* The blocks that we requested have been paid for. */
static void
on_extended(struct metafetch *m, struct metafetch_peer *p, const struct wire_msg *msg)
{
    uint32_t requests = p->out_count;

    if (msg->ext_id == 0)
        on_ext_handshake(m, p, msg);
    else if (!on_extension(m, p, msg))
        on_junk(m, p, msg, SWARM_TALK_JUNK);
    if (p->at.state == PEER_UP && p->out_count >= requests)
        on_junk(m, p, msg, 1);
}

static void
on_message(struct metafetch *m, struct metafetch_peer *p, const struct swarm_input *in)
{
    const struct wire_msg *msg = &in->u.msg;
    uint64_t metadata;

    block_drop(msg->block);
    if (p->at.state != PEER_UP)
        return;
    p->at.last_received = m->now;
    m->down_bytes += in->total;
    metadata = m->metadata;
    switch (msg->type) {
    case WIRE_EXTENDED:
        if (p->at.extended)
            on_extended(m, p, msg);
        else
            crowd_doom(m->crowd, &p->at, SPRAT_E_PROTOCOL, true);
        break;
    case WIRE_REQUEST:
    case WIRE_PIECE:
    case WIRE_HASH_REQUEST:
    case WIRE_HASHES:
    case WIRE_HASH_REJECT:
    case WIRE_UNKNOWN: on_junk(m, p, msg, SWARM_TALK_JUNK); break;
    case WIRE_CHOKE:
    case WIRE_UNCHOKE:
    case WIRE_INTERESTED:
    case WIRE_NOT_INTERESTED:
    case WIRE_HAVE:
    case WIRE_BITFIELD:
    case WIRE_CANCEL:
    case WIRE_SUGGEST:
    case WIRE_HAVE_ALL:
    case WIRE_HAVE_NONE:
    case WIRE_REJECT:
    case WIRE_ALLOWED_FAST:
    case WIRE_KEEPALIVE: on_junk(m, p, msg, 1); break;
    case WIRE_PORT:
        crowd_fx_port(&m->fx, m->crowd, &p->at, msg->port);
        on_junk(m, p, msg, 1);
        break;
    }
    /* The requests paid for the blocks. */
    rate_tap_overhead(&m->down, in->total - (m->metadata - metadata), m->now);
}

void
fetch_on_peer_input(struct metafetch *m, const struct swarm_input *in)
{
    struct crowd_peer *at = crowd_get(m->crowd, in->peer);

    if (at == NULL) {
        if (in->type == SWARM_IN_MESSAGE)
            block_drop(in->u.msg.block);
        return;
    }
    switch (in->type) {
    case SWARM_IN_CONNECTED: on_connected(m, fetch_peer_of(at), in); break;
    case SWARM_IN_CLOSED:
        at->reached = in->u.closed.reached;
        crowd_doom(m->crowd, at, in->u.closed.err, false);
        break;
    case SWARM_IN_MESSAGE: on_message(m, fetch_peer_of(at), in); break;
    case SWARM_IN_SENT:
        m->up_bytes += in->u.sent.total;
        rate_tap_overhead(&m->up, in->u.sent.total, m->now);
        break;
    default: UNREACHABLE();
    }
}

/* --- housekeeping --- */

void
fetch_tick_peers(struct metafetch *m)
{
    struct metafetch_peer *p;
    uint32_t iter = 0;

    while ((p = fetch_next_peer(m, &iter)) != NULL) {
        if (p->at.state != PEER_UP)
            continue;
        if (mono_diff_ms(m->now, p->at.last_received) > SWARM_IDLE_MS ||
            crowd_is_owed(m->crowd, &p->at, 0, m->now)) {
            crowd_doom(m->crowd, &p->at, SPRAT_E_TIMEOUT, true);
            continue;
        }
        if (mono_diff_ms(m->now, p->at.last_sent) > SWARM_KEEPALIVE_MS)
            send_plain(m, p, WIRE_KEEPALIVE);
        ask_tick(m, p);
        crowd_fx_pex(&m->fx, m->crowd, &p->at, m->now);
    }
}

/* --- connections end --- */

static void
reap(struct metafetch *m, struct metafetch_peer *p)
{
    struct crowd_parting parting;

    crowd_fx_close(&m->fx, &p->at);
    copies_leave(m, p);
    parting = crowd_part(m->crowd, &p->at, m->now);
    crowd_fx_parted(&m->fx, &p->at, &parting);
    peer_free(p);
}

void
fetch_reap(struct metafetch *m)
{
    struct crowd_peer *at;

    while ((at = crowd_next_doomed(m->crowd)) != NULL)
        reap(m, fetch_peer_of(at));
}

void
fetch_doom_all(struct metafetch *m, int err)
{
    struct metafetch_peer *p;
    uint32_t iter = 0;

    while ((p = fetch_next_peer(m, &iter)) != NULL)
        crowd_doom(m->crowd, &p->at, err, true);
}

void
fetch_drop_peers(struct metafetch *m)
{
    struct crowd_peer *at;
    uint32_t iter = 0;

    while ((at = crowd_next_any(m->crowd, &iter)) != NULL) {
        struct metafetch_peer *p = fetch_peer_of(at);

        copies_leave(m, p);
        crowd_hand_over(m->crowd, at, m->now);
        peer_free(p);
    }
}
