/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Effects and numbers about the crowd.
 */
#include "peer/core/crowd_fx.h"

#include <string.h>

void
crowd_fx_connect(struct fx_queue *q, const struct crowd_peer *p)
{
    struct swarm_effect *fx = fx_queue_push(q, SWARM_FX_CONNECT, p->id);

    fx->u.connect.addr = p->addr;
    fx->u.connect.via = SWARM_VIA_TCP;
    fx->u.connect.protection = SWARM_PROTECTION_NO;
}

void
crowd_fx_refuse(struct fx_queue *q, uint64_t token, int err)
{
    struct swarm_effect *fx = fx_queue_push(q, SWARM_FX_REFUSE, SLOT_NONE);

    fx->u.accept.token = token;
    fx->u.accept.err = err;
}

static void
send_extended(struct fx_queue *q, struct crowd_peer *p, uint8_t ext_id, struct buf *payload,
              struct mono now)
{
    const struct wire_msg msg = {.type = WIRE_EXTENDED, .ext_id = ext_id};

    if (p->state == PEER_DOOMED)
        return;
    p->last_sent = now;
    fx_queue_send(q, p->id, &msg, payload);
}

void
crowd_fx_ext_handshake(struct fx_queue *q, const struct crowd *c, struct crowd_peer *p,
                       bool upload_only, struct mono now)
{
    struct buf buf;

    buf_init(&buf, EXTMSG_SIZE_MAX);
    if (crowd_put_ext_handshake(c, p, upload_only, &buf) == 0)
        send_extended(q, p, 0, &buf, now);
    buf_fini(&buf);
}

void
crowd_fx_pex(struct fx_queue *q, struct crowd *c, struct crowd_peer *p, struct mono now)
{
    struct buf buf;

    buf_init(&buf, PEX_SIZE_MAX);
    if (crowd_put_pex(c, p, &buf, now))
        send_extended(q, p, p->ext.ids[EXTMSG_PEX], &buf, now);
    buf_fini(&buf);
}

void
crowd_fx_port(struct fx_queue *q, const struct crowd *c, struct crowd_peer *p, uint16_t port)
{
    struct endpoint node;

    if (crowd_on_port(c, p, port, &node))
        fx_queue_push(q, SWARM_FX_NODE, p->id)->u.node = node;
}

void
crowd_fx_close(struct fx_queue *q, const struct crowd_peer *p)
{
    if (p->doom.tell)
        fx_queue_push(q, SWARM_FX_CLOSE, p->id)->u.close.err = p->doom.err;
}

void
crowd_fx_parted(struct fx_queue *q, const struct crowd_peer *p, const struct crowd_parting *parting)
{
    struct swarm_effect *fx;

    if (!parting->banned && !parting->unreached)
        return;
    fx = fx_queue_push(q, SWARM_FX_NOTICE, SLOT_NONE);
    fx->u.notice.what = parting->banned ? SWARM_NOTICE_BANNED : SWARM_NOTICE_UNREACHED;
    fx->u.notice.err = p->doom.err;
    fx->u.notice.peer_addr = p->addr;
    fx->u.notice.how = parting->how;
}

void
crowd_fill_stats(const struct crowd *c, bool dials, unsigned without, struct swarm_stats *st)
{
    const struct peerlist *list = crowd_list(c);

    st->peers_connected = crowd_up(c);
    st->peers_half_open = crowd_half_open(c);
    st->peers_known = peerlist_count(list);
    peerlist_tries(list, st->standing.tries);
    st->standing.given_up = peerlist_given_up(list);
    st->standing.banned = peerlist_banned(list);
    st->standing.next_dial = dials ? crowd_candidate_expiry(c, without) : MONO_NEVER;
}

struct swarm_peer_stats
crowd_peer_stats(const struct crowd *c, const struct crowd_peer *p)
{
    struct swarm_peer_stats st = {.peer = p->id,
                                  .addr = p->addr,
                                  .sources = peerlist_sources(crowd_list(c), p->number),
                                  .incoming = p->incoming};

    memcpy(st.peer_id, p->peer_id, sizeof(st.peer_id));
    memcpy(st.client, p->ext.client, sizeof(st.client) - 1);
    return st;
}
