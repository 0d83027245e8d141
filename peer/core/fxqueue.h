/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The queue of a core's effects (swarm.h): a growing ring. The caller of the core empties it after
 * each input, so its length is bounded by the effects of one input. The queue owns the payloads
 * that must live until an effect is carried out.
 */
#ifndef PEER_CORE_FXQUEUE_H
#define PEER_CORE_FXQUEUE_H

#include "common/ds/buf.h"
#include "peer/core/swarm.h"

struct fx_item {
    struct swarm_effect fx;
    uint8_t *owned; /* memory that fx points to, or NULL */
};

/* Embedded; starts as all zero. Private except for |count|. */
struct fx_queue {
    struct fx_item *items;
    uint32_t head, count, cap; /* a ring; cap is a power of two */
    uint8_t *lent;             /* owned memory of the effect that fx_queue_next() returned last */
    bool overflow;             /* memory ran out: an effect was lost */
    struct fx_item scratch;
};

/* Appends an effect that is zeroed except for its type and peer. Never NULL: without memory, the
 * effect is lost. */
struct swarm_effect *fx_queue_push(struct fx_queue *q, enum swarm_effect_type type, slot_id peer);
/* Appends a SEND of |msg| whose payload is |payload|'s content, and leaves |payload| empty. */
void fx_queue_send(struct fx_queue *q, slot_id peer, const struct wire_msg *msg,
                   struct buf *payload);
/* As swarm_next(). */
int fx_queue_next(struct fx_queue *q, struct swarm_effect *fx);
/* Whether an effect was lost since the last call. */
bool fx_queue_lost(struct fx_queue *q);
/* Drops all effects, and the blocks of WRITE effects. */
void fx_queue_fini(struct fx_queue *q);

#endif
