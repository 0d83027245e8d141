/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A turn of a torrent: a series of commands about it that are sent together, and the handling of
 * their replies.
 */
#ifndef TRACKER_CORE_CLUSTER_TURN_H
#define TRACKER_CORE_CLUSTER_TURN_H

#include "tracker/core/cluster_impl.h"

void cluster_turn_begin(struct cluster *c, struct shared *t, struct mono now);

/* The next command of the turn that has begun. */
void cluster_turn_next(struct cluster *c, struct cluster_command *cmd, struct mono now);

/* Handles a reply; results as cluster_on_reply(). */
int cluster_turn_reply(struct cluster *c, const struct in_flight *f, const struct cluster_reply *r,
                       struct errbuf *eb, struct mono now);

/* Puts the events of a torrent's turn back, to be sent again. */
void cluster_turn_take_back(struct cluster *c, struct shared *t, struct mono now);

/* Drops what the replies of a turn have brought so far. */
void cluster_turn_reset(struct cluster *c);

#endif
