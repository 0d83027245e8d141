/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The blocks of failed pieces and the peers that sent them, until a good copy of the piece shows
 * which blocks were bad.
 */
#ifndef PEER_CORE_SWARM_SUSPECT_H
#define PEER_CORE_SWARM_SUSPECT_H

#include "peer/core/swarm_impl.h"

void suspects_init(struct swarm *s);
void suspects_fini(struct swarm *s);
/* Remembers the blocks of a failed piece and their senders. The first failure of a piece counts
 * until it is resolved. When memory is out, nothing is remembered, and no peer is convicted. */
void suspect_add(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t blocks);
/* Did the piece fail before? */
bool suspect_has(const struct swarm *s, uint32_t piece);
/* The piece is verified and has these leaves: every peer that sent a different block before is
 * banned. */
void suspect_judge(struct swarm *s, uint32_t piece, const uint8_t *leaves);

#endif
