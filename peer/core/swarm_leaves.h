/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leaves (the SHA-256 of each block of a piece) that are being read from disk.
 */
#ifndef PEER_CORE_SWARM_LEAVES_H
#define PEER_CORE_SWARM_LEAVES_H

#include "peer/core/swarm_impl.h"

/* Starts a read of |piece|'s leaves unless one is under way. False if LEAF_READS_MAX reads are
 * under way. */
bool leaves_read(struct swarm *s, uint32_t piece);
/* As leaves_read(), to answer a hash request of |p|: false also if its site has no budget left. */
bool leaves_read_for(struct swarm *s, uint32_t piece, const struct swarm_peer *p);
/* The read of |piece|'s leaves ended. */
void leaves_on_read(struct swarm *s, uint32_t piece);

#endif
