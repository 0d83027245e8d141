/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the crowd must know of a connection to judge it (crowd_view), and which connections are
 * pointless.
 */
#ifndef PEER_CORE_SWARM_ROOM_H
#define PEER_CORE_SWARM_ROOM_H

#include "peer/core/swarm_impl.h"

/* crowd_user.view; |swarm| is the struct swarm. */
void room_view(const void *swarm, const struct crowd_peer *at, struct crowd_view *v);
/* Dooms |p| if neither side can want data of the other. Must be called after each change that can
 * make this so. */
void room_review(struct swarm *s, struct swarm_peer *p);

#endif
