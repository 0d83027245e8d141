/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The download side: interest, requests, received blocks.
 */
#ifndef PEER_CORE_SWARM_DOWNLOAD_H
#define PEER_CORE_SWARM_DOWNLOAD_H

#include "peer/core/swarm_impl.h"

void download_update_interest(struct swarm *s, struct swarm_peer *p);
void download_fill(struct swarm *s, struct swarm_peer *p);
void download_fill_all(struct swarm *s);
void download_on_block(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void download_on_reject(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void download_on_choke(struct swarm *s, struct swarm_peer *p);
void download_on_allowed_fast(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void download_on_suggest(struct swarm *s, struct swarm_peer *p, uint32_t piece);
/* Withdraws all requests to |p|; with |tell|, sends CANCELs. */
void download_abort(struct swarm *s, struct swarm_peer *p, bool tell);
/* |p| does not have |piece| any more (BEP 54): withdraws the requests for it. */
void download_drop_piece(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void download_tick(struct swarm *s, struct swarm_peer *p);

#endif
