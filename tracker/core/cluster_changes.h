/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The changes of peers that all trackers append, and read.
 */
#ifndef TRACKER_CORE_CLUSTER_CHANGES_H
#define TRACKER_CORE_CLUSTER_CHANGES_H

#include "tracker/core/cluster_impl.h"

/* Whether the copy is brought up to date by what others append to it: it needs no fetch. */
bool cluster_changes_suffice(const struct shared *t, struct mono now);

/* The steps by which the turn that begins tells of its events, and asks what others changed. */
uint64_t cluster_changes_tell(struct cluster *c, struct shared *t, struct mono now);
uint64_t cluster_changes_ask(const struct shared *t);

/* The command of one of these steps. */
void cluster_changes_put(struct cluster *c, struct cluster_command *cmd, struct shared *t,
                         enum step step);

/* Its reply. SPRAT_E_PROTOCOL. */
int cluster_changes_reply(struct cluster *c, struct shared *t, enum step step,
                          const struct cluster_reply *r, struct mono now);

/* What a turn comes to, which |merged| a fetch or not. False if the torrent must be asked for once
 * more. */
bool cluster_changes_brought(struct cluster *c, struct shared *t, bool merged, struct mono now);

#endif
