/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A connection from its handshake to its end, and the dispatch of its messages.
 */
#ifndef PEER_CORE_SWARM_PEER_H
#define PEER_CORE_SWARM_PEER_H

#include "peer/core/swarm_impl.h"

void peer_on_accepted(struct swarm *s, const struct swarm_input *in);
void peer_on_connected(struct swarm *s, struct swarm_peer *p, const struct swarm_input *in);
/* |total|: the bytes that came for the message. */
void peer_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg,
                     uint32_t total);
void peer_tick(struct swarm *s, struct swarm_peer *p);
/* Frees the doomed peers: pushes their CLOSE effects, withdraws what they held, and asks other
 * peers for it. */
void peers_reap(struct swarm *s);

#endif
