/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a core tells its caller about the crowd (crowd.h), as effects and as numbers. The crowd has
 * no effects of its own; its two users, the swarm and metafetch, have these in common.
 */
#ifndef PEER_CORE_CROWD_FX_H
#define PEER_CORE_CROWD_FX_H

#include "peer/core/crowd.h"
#include "peer/core/fxqueue.h"

/* Appends the CONNECT for |p|, which crowd_join_dialled() has added. */
void crowd_fx_connect(struct fx_queue *q, const struct crowd_peer *p);
/* Appends the REFUSE of the accepted connection |token|, for the reason |err|. */
void crowd_fx_refuse(struct fx_queue *q, uint64_t token, int err);
/* Appends our extended handshake for |p| (BEP 10), unless |p| is doomed. |upload_only| as in
 * BEP 21. */
void crowd_fx_ext_handshake(struct fx_queue *q, const struct crowd *c, struct crowd_peer *p,
                            bool upload_only, struct mono now);
/* Appends a PEX message to |p| if one is due (BEP 11). To be called about once a second. */
void crowd_fx_pex(struct fx_queue *q, struct crowd *c, struct crowd_peer *p, struct mono now);
/* |p| sent a PORT message: appends a NODE if its DHT node may be alive. */
void crowd_fx_port(struct fx_queue *q, const struct crowd *c, struct crowd_peer *p, uint16_t port);
/* Appends the CLOSE of the doomed |p|, unless its connection is gone already. */
void crowd_fx_close(struct fx_queue *q, const struct crowd_peer *p);
/* Appends the NOTICE about what crowd_part() has returned for |p|, if there is one. */
void crowd_fx_parted(struct fx_queue *q, const struct crowd_peer *p,
                     const struct crowd_parting *parting);

/* Sets what |st| says of connections and addresses. |dials|: the core makes connections now, but
 * not to the addresses that |without| excludes (enum peerlist_without). */
void crowd_fill_stats(const struct crowd *c, bool dials, unsigned without, struct swarm_stats *st);
/* What is known of |p| as a connection; members about pieces and data are 0. */
struct swarm_peer_stats crowd_peer_stats(const struct crowd *c, const struct crowd_peer *p);

#endif
