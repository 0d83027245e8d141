/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Pieces from their last stored block to verified.
 */
#ifndef PEER_CORE_SWARM_PIECE_H
#define PEER_CORE_SWARM_PIECE_H

#include "peer/core/swarm_impl.h"

void piece_on_written(struct swarm *s, const struct swarm_input *in);
/* 0, or SPRAT_E_MISMATCH: the two sides of a hybrid contradict each other, and the swarm must
 * pause. */
int piece_on_verified(struct swarm *s, uint32_t piece, int err);
void piece_on_leaves(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t n, int err);
/* The wanted or verified pieces have changed: sends upload_only (BEP 21) to peers if it changed. */
void piece_wishes_changed(struct swarm *s);
/* START: continues with the pieces that a disk error left behind. */
void piece_retry(struct swarm *s);
/* Verifies pieces that consist of pads only: they have no block to fetch. */
void piece_check_empty(struct swarm *s);

#endif
