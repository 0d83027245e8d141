/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The upload side: choking, and the requests of peers.
 */
#ifndef PEER_CORE_SWARM_UPLOAD_H
#define PEER_CORE_SWARM_UPLOAD_H

#include "peer/core/swarm_impl.h"

void upload_init(struct swarm *s, struct swarm_peer *p);
void upload_on_interest(struct swarm *s, struct swarm_peer *p, bool interested);
void upload_on_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void upload_on_cancel(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void upload_on_sent(struct swarm *s, struct swarm_peer *p, uint32_t payload, uint32_t total);
void upload_on_read_failed(struct swarm *s, struct swarm_peer *p, uint32_t piece, uint32_t begin,
                           uint32_t length);
void upload_pump(struct swarm *s, struct swarm_peer *p);
void upload_pump_all(struct swarm *s);
/* Payload bytes that the upload limit allows to leave and that are not sent yet. */
uint32_t upload_stuck(const struct swarm_peer *p);
/* |p| makes no use of its upload slot, or made none of its last slot a short while ago. */
bool upload_is_wasted_on(const struct swarm *s, const struct swarm_peer *p);
/* To be called for each connected peer once in TICK_MS. */
void upload_tick(struct swarm_peer *p);
void upload_choke_round(struct swarm *s);
void upload_on_peer_gone(struct swarm *s, struct swarm_peer *p);

#endif
