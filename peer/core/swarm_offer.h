/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Initial seeding (BEP 16): which pieces are offered to which peer.
 */
#ifndef PEER_CORE_SWARM_OFFER_H
#define PEER_CORE_SWARM_OFFER_H

#include "peer/core/swarm_impl.h"

/* offer_begin(): at a START and when the last piece is verified;
 * offer_veil(): before we send |p| our first BITFIELD or HAVE_ALL; offer_fill(): when |p| may want
 * more offers; the others: on the messages and actions of |p|. */
void offer_begin(struct swarm *s);
void offer_veil(struct swarm *s, struct swarm_peer *p);
void offer_fill(struct swarm *s, struct swarm_peer *p);
void offer_on_has(struct swarm *s, struct swarm_peer *p);
void offer_on_have(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void offer_on_request(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void offer_on_choke(struct swarm *s, struct swarm_peer *p);
void offer_on_peer_gone(struct swarm *s, struct swarm_peer *p);
/* A block was sent: the upload queues may be empty. */
void offer_on_idle(struct swarm *s);
/* Once a tick, before offer_peer_tick(). */
void offer_tick(struct swarm *s);
void offer_peer_tick(struct swarm *s, struct swarm_peer *p);

#endif
