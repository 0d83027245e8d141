/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hash requests (BEP 52) in both directions.
 */
#ifndef PEER_CORE_SWARM_HASH_H
#define PEER_CORE_SWARM_HASH_H

#include "peer/core/swarm_impl.h"

#define HASH_NO_PIECE UINT32_MAX

void hash_hold_unknown(struct swarm *s);
void hash_pump(struct swarm *s);
/* Sends a request for the leaves of a failed piece. False if no peer can be asked, or no leaf is
 * left to ask for. */
bool hash_ask_leaves(struct swarm *s, uint32_t piece);
void hash_on_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
/* Returns the failed piece for which no further leaves can be asked now, since these were the last
 * ones; HASH_NO_PIECE if there is none. */
uint32_t hash_on_hashes(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void hash_on_reject(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
/* The leaves of |piece| are in the tree's cache now, or could not be read (|err|). */
void hash_on_leaves(struct swarm *s, uint32_t piece, int err);
void hash_on_peer_gone(struct swarm *s, struct swarm_peer *p);
void hash_tick(struct swarm *s, struct swarm_peer *p);

#endif
