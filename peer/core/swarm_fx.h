/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Appends effects to the swarm's queue (fxqueue.h). swarm_next() takes them out of it.
 */
#ifndef PEER_CORE_SWARM_FX_H
#define PEER_CORE_SWARM_FX_H

#include "common/ds/buf.h"
#include "peer/core/swarm_impl.h"

/* Appends an effect that is zeroed except for its type. Never NULL. */
struct swarm_effect *fx_push(struct swarm *s, enum swarm_effect_type type, slot_id peer);
/* Appends a SEND of |type| without payload; the caller fills in the rest. If |p| is doomed, nothing
 * is sent. */
struct wire_msg *fx_send(struct swarm *s, struct swarm_peer *p, enum wire_type type);
/* Appends a SEND whose payload is |buf|'s content, and leaves |buf| empty. If |p| is doomed,
 * nothing is sent, and |buf| keeps its content. */
void fx_send_buf(struct swarm *s, struct swarm_peer *p, struct wire_msg *msg, struct buf *payload);
struct swarm_effect *fx_notice(struct swarm *s, enum swarm_notice what, uint32_t piece, int err);

#endif
