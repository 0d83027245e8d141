/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The allowance of messages that move no block.
 */
#ifndef PEER_CORE_SWARM_TALK_H
#define PEER_CORE_SWARM_TALK_H

#include "peer/core/swarm_impl.h"

/* Charges a message that moves no block to |p|'s allowance. False if the allowance is used up. */
bool talk_allows(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
/* Charges a refused request, or a useless message (unrequested hashes, or an unknown id), to |p|'s
 * allowance. If the allowance is used up, |p| is doomed for an offence. */
void talk_refused(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void talk_junk(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);

#endif
