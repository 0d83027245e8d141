/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarm's effect queue: a growing ring. The caller empties it after each input, so its length
 * is bounded by the effects of one input. The queue owns the payloads that must live until an
 * effect is carried out.
 */
#include "peer/core/swarm_fx.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"

enum { FX_CAP_MIN = 64 };

static bool
grow(struct fx_queue *q)
{
    uint32_t cap = q->cap > 0 ? q->cap * 2 : FX_CAP_MIN;
    struct fx_item *items = malloc(cap * sizeof(*items));

    if (items == NULL)
        return false;
    for (uint32_t i = 0; i < q->count; i++)
        items[i] = q->items[(q->head + i) & (q->cap - 1)];
    free(q->items);
    q->items = items;
    q->cap = cap;
    q->head = 0;
    return true;
}

static struct fx_item *
push_item(struct swarm *s, enum swarm_effect_type type, slot_id peer)
{
    struct fx_queue *q = &s->fx;
    struct fx_item *item;

    if (q->count == q->cap && !grow(q)) {
        /* The effect is lost; swarm_handle() returns SPRAT_E_NOMEM. */
        q->overflow = true;
        item = &q->scratch;
        free(item->owned);
    } else {
        item = &q->items[(q->head + q->count++) & (q->cap - 1)];
    }
    *item = (struct fx_item){.fx = {.type = type, .peer = peer}};
    return item;
}

struct swarm_effect *
fx_push(struct swarm *s, enum swarm_effect_type type, slot_id peer)
{
    return &push_item(s, type, peer)->fx;
}

struct wire_msg *
fx_send(struct swarm *s, struct swarm_peer *p, enum wire_type type)
{
    struct swarm_effect *fx =
        p->at.state == PEER_DOOMED ? &s->fx.unsent : fx_push(s, SWARM_FX_SEND, p->at.id);

    p->at.last_sent = s->clock.now;
    fx->u.msg.type = type;
    return &fx->u.msg;
}

void
fx_send_buf(struct swarm *s, struct swarm_peer *p, struct wire_msg *msg, struct buf *payload)
{
    struct fx_item *item;

    if (p->at.state == PEER_DOOMED)
        return;
    item = push_item(s, SWARM_FX_SEND, p->at.id);
    p->at.last_sent = s->clock.now;
    item->fx.u.msg = *msg;
    item->owned = buf_take(payload, &item->fx.u.msg.len);
    item->fx.u.msg.data = item->owned;
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
    struct fx_queue *q = &s->fx;
    struct fx_item *item;

    free(q->lent);
    q->lent = NULL;
    if (q->count == 0)
        return 0;
    item = &q->items[q->head];
    q->head = (q->head + 1) & (q->cap - 1);
    /* An empty queue starts at index 0 again, where the memory is in the cache. */
    if (--q->count == 0)
        q->head = 0;
    q->lent = item->owned;
    *fx = item->fx;
    return 1;
}

void
fx_fini(struct fx_queue *q)
{
    for (uint32_t i = 0; i < q->count; i++) {
        struct fx_item *item = &q->items[(q->head + i) & (q->cap - 1)];

        if (item->fx.type == SWARM_FX_WRITE)
            block_drop(item->fx.u.write.block);
        free(item->owned);
    }
    free(q->scratch.owned);
    free(q->lent);
    free(q->items);
    *q = (struct fx_queue){0};
}
