/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of open pieces: pieces of which at least one block is stored, and which are not
 * verified.
 */
#ifndef PEER_CORE_SWARM_PIECES_H
#define PEER_CORE_SWARM_PIECES_H

#include "peer/core/swarm_impl.h"

void pieces_init(struct swarm *s);
void pieces_fini(struct swarm *s);
/* NULL if the piece is not open. */
struct swarm_piece *pieces_find(const struct swarm *s, uint32_t piece);
/* As pieces_find(), but opens the piece; NULL when memory is out. */
struct swarm_piece *pieces_add(struct swarm *s, uint32_t piece);
/* Removes and frees |op|. */
void pieces_remove(struct swarm *s, struct swarm_piece *op);
void piece_set_state(struct swarm *s, struct swarm_piece *op, enum piece_state state);

#endif
