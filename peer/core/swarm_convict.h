/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What happens to a piece that failed its check: the search for the peer that sent a bad block.
 */
#ifndef PEER_CORE_SWARM_CONVICT_H
#define PEER_CORE_SWARM_CONVICT_H

#include "peer/core/swarm_impl.h"

/* The piece failed its check. |op| may be freed. */
void convict_begin(struct swarm *s, struct swarm_piece *op);
/* All true leaves of the piece that peers could tell have come. */
void convict_on_true_leaves(struct swarm *s, uint32_t piece);
/* A read of the piece's leaves ended; |leaves| are those of its |n| blocks unless |err|. */
void convict_on_leaves(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t n, int err);
void convict_tick(struct swarm *s);

#endif
