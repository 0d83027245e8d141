/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarm's side of peer exchange (BEP 11).
 */
#ifndef PEER_CORE_SWARM_PEX_H
#define PEER_CORE_SWARM_PEX_H

#include "peer/core/swarm_impl.h"

bool pex_enabled(const struct swarm *s);
/* |p| sent an extended handshake, the first or a later one. */
void pex_on_handshake(struct swarm *s, struct swarm_peer *p);
void pex_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void pex_tick(struct swarm *s, struct swarm_peer *p);

#endif
