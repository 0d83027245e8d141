/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Merges fetched peers and changes into the copy of a torrent, and writes own peers back to a Redis
 * that may have lost them.
 */
#ifndef TRACKER_CORE_CLUSTER_MERGE_H
#define TRACKER_CORE_CLUSTER_MERGE_H

#include "tracker/core/cluster_impl.h"

/* Queues a portion of the own peers to be written back. */
void cluster_write_back_begin(struct cluster *c);
void cluster_write_back_some(struct cluster *c, struct mono now);

/* Adds the drawn peers of a side to the draft. SPRAT_E_PROTOCOL. */
int cluster_draw(struct cluster *c, enum cluster_side side, const struct cluster_reply *r,
                 struct mono now);

/* The tracker that made a change: this one, another one, or another one before this tracker changed
 * the same peer. */
enum cluster_change_by { BY_US, BY_OTHER, BY_OTHER_BEFORE_US };

/* Merges one appended change; false if the torrent must be fetched instead. */
bool cluster_merge_change(struct cluster *c, struct shared *t,
                          const struct cluster_change_entry *change, enum cluster_change_by by,
                          struct mono now);

/* Call when all changes of a reply are merged. */
void cluster_merge_end(struct cluster *c, struct shared *t);

/* Replaces the copy by the draft. */
void cluster_merge(struct cluster *c, struct shared *t, struct mono now);

#endif
