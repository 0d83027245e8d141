/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which connections stay, and which make room for others.
 */
#ifndef PEER_CORE_SWARM_ROOM_H
#define PEER_CORE_SWARM_ROOM_H

#include "peer/core/swarm_impl.h"

/* Makes sure that a connection from |addr| has room. False if the table is full of connections that
 * are useful and of higher priority (BEP 40); otherwise room_make() may doom one. */
bool room_make(struct swarm *s, const struct endpoint *addr);
/* Dooms a connection that moves no data, if there is one, to make room for another torrent. */
void room_give_up(struct swarm *s);
/* Dooms the least useful connections from time to time while other addresses wait. */
void room_turnover(struct swarm *s);
/* Has |p| owed us blocks for long, while the table is full and another address waits to be
 * dialled? */
bool room_is_owed(const struct swarm *s, const struct swarm_peer *p);
/* Dooms |p| if neither side can want data of the other. Must be called after each change that can
 * make this so. */
void room_review(struct swarm *s, struct swarm_peer *p);

#endif
