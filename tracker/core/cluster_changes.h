/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The log of a torrent's changes in Redis, to which all trackers append and which they read.
 */
#ifndef TRACKER_CORE_CLUSTER_CHANGES_H
#define TRACKER_CORE_CLUSTER_CHANGES_H

#include "tracker/core/cluster_impl.h"

/* Whether reading the changes of other trackers is enough to update the copy, without a fetch. */
bool cluster_changes_suffice(const struct shared *t, struct mono now);

/* The steps with which a turn that begins sends its changes, and asks for those of other trackers.
 */
uint64_t cluster_changes_tell(struct cluster *c, struct shared *t, struct mono now);
uint64_t cluster_changes_ask(const struct shared *t);

/* Writes the command of one of these steps. */
void cluster_changes_put(struct cluster *c, struct cluster_command *cmd, struct shared *t,
                         enum step step);

/* Handles the reply to its command. SPRAT_E_PROTOCOL. */
int cluster_changes_reply(struct cluster *c, struct shared *t, enum step step,
                          const struct cluster_reply *r, struct mono now);

/* Ends a turn; |merged|: it had a fetch that was merged. False if the torrent must be fetched. */
bool cluster_changes_brought(struct cluster *c, struct shared *t, bool merged, struct mono now);

#endif
