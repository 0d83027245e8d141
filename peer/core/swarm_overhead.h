/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Overhead: bytes that cross a connection and are no payload of blocks, such as handshakes,
 * messages and the headers of blocks. Both limits and the totals see each of them.
 */
#ifndef PEER_CORE_SWARM_OVERHEAD_H
#define PEER_CORE_SWARM_OVERHEAD_H

#include "peer/core/swarm_impl.h"

/* |bytes| of overhead came in. */
void overhead_on_received(struct swarm *s, uint32_t bytes);
/* |bytes| of overhead have left. */
void overhead_on_sent(struct swarm *s, uint32_t bytes);

#endif
