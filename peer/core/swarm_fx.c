/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarm's effects. What is written for a doomed peer goes nowhere.
 */
#include "peer/core/swarm_fx.h"

struct swarm_effect *
fx_push(struct swarm *s, enum swarm_effect_type type, slot_id peer)
{
    return fx_queue_push(&s->fx, type, peer);
}

struct wire_msg *
fx_send(struct swarm *s, struct swarm_peer *p, enum wire_type type)
{
    struct swarm_effect *fx =
        p->at.state == PEER_DOOMED ? &s->unsent : fx_push(s, SWARM_FX_SEND, p->at.id);

    p->at.last_sent = s->clock.now;
    fx->u.msg.type = type;
    return &fx->u.msg;
}

void
fx_send_buf(struct swarm *s, struct swarm_peer *p, struct wire_msg *msg, struct buf *payload)
{
    if (p->at.state == PEER_DOOMED)
        return;
    p->at.last_sent = s->clock.now;
    fx_queue_send(&s->fx, p->at.id, msg, payload);
}

struct swarm_effect *
fx_notice(struct swarm *s, enum swarm_notice what, uint32_t piece, int err)
{
    struct swarm_effect *fx = fx_push(s, SWARM_FX_NOTICE, SLOT_NONE);

    fx->u.notice.what = what;
    fx->u.notice.piece = piece;
    fx->u.notice.err = err;
    return fx;
}

int
swarm_next(struct swarm *s, struct swarm_effect *fx)
{
    return fx_queue_next(&s->fx, fx);
}
