/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sends blocks of the torrent's info dictionary to peers that only have a link (BEP 9).
 */
#ifndef PEER_CORE_SWARM_METADATA_H
#define PEER_CORE_SWARM_METADATA_H

#include "peer/core/swarm_impl.h"

/* The bytes of the info dictionary, for our extended handshakes; 0 if it is too long to be sent. */
uint32_t metadata_size(const struct swarm *s);

/* |p| sent a ut_metadata message. A request is answered at once or rejected; any other message is
 * useless, since the swarm has the metadata. Dooms a peer that breaks the rules of BEP 9. */
void metadata_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);

#endif
