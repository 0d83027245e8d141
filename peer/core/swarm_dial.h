/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Dials the addresses that the crowd chooses.
 */
#ifndef PEER_CORE_SWARM_DIAL_H
#define PEER_CORE_SWARM_DIAL_H

#include "peer/core/swarm_impl.h"

void dial_due(struct swarm *s);
/* enum peerlist_without bits of the addresses that we don't dial. */
unsigned dial_without(const struct swarm *s);

#endif
