/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent's turn: what is said of it to Redis at once, and what comes of that.
 */
#ifndef TRACKER_CORE_CLUSTER_TURN_H
#define TRACKER_CORE_CLUSTER_TURN_H

#include "tracker/core/cluster_impl.h"

void cluster_turn_begin(struct cluster *c, struct shared *t, struct mono now);

/* The next command of the turn that has begun. */
void cluster_turn_next(struct cluster *c, struct cluster_command *cmd, struct mono now);

/* As cluster_on_reply(). */
int cluster_turn_reply(struct cluster *c, const struct in_flight *f, const struct cluster_reply *r,
                       struct errbuf *eb, struct mono now);

/* What was said in a torrent's turn is to be said again. */
void cluster_turn_take_back(struct cluster *c, struct shared *t, struct mono now);

/* Forgets what the replies of a turn have brought. */
void cluster_turn_reset(struct cluster *c);

#endif
