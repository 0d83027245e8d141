/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ring of effects. An empty queue starts at index 0 again, where the memory is in the cache.
 */
#include "peer/core/fxqueue.h"

#include <stdlib.h>

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
push_item(struct fx_queue *q, enum swarm_effect_type type, slot_id peer)
{
    struct fx_item *item;

    if (q->count == q->cap && !grow(q)) {
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
fx_queue_push(struct fx_queue *q, enum swarm_effect_type type, slot_id peer)
{
    return &push_item(q, type, peer)->fx;
}

void
fx_queue_send(struct fx_queue *q, slot_id peer, const struct wire_msg *msg, struct buf *payload)
{
    struct fx_item *item = push_item(q, SWARM_FX_SEND, peer);

    item->fx.u.msg = *msg;
    item->owned = buf_take(payload, &item->fx.u.msg.len);
    item->fx.u.msg.data = item->owned;
}

int
fx_queue_next(struct fx_queue *q, struct swarm_effect *fx)
{
    struct fx_item *item;

    free(q->lent);
    q->lent = NULL;
    if (q->count == 0)
        return 0;
    item = &q->items[q->head];
    q->head = (q->head + 1) & (q->cap - 1);
    if (--q->count == 0)
        q->head = 0;
    q->lent = item->owned;
    *fx = item->fx;
    return 1;
}

bool
fx_queue_lost(struct fx_queue *q)
{
    bool lost = q->overflow;

    q->overflow = false;
    return lost;
}

void
fx_queue_fini(struct fx_queue *q)
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
