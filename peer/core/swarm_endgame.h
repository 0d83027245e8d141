/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The endgame: which block to request a second time.
 */
#ifndef PEER_CORE_SWARM_ENDGAME_H
#define PEER_CORE_SWARM_ENDGAME_H

#include "peer/core/swarm_impl.h"

/* Chooses a block to request from |p| although other peers were asked for it, because they would
 * take much longer. |only| restricts the pieces (NULL: all). False if there is none. */
bool endgame_choose(struct swarm *s, const struct swarm_peer *p, const struct bitfield *only,
                    struct picker_block *out);

#endif
