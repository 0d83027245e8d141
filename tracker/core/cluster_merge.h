/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a fetch brings, and what is written back.
 */
#ifndef TRACKER_CORE_CLUSTER_MERGE_H
#define TRACKER_CORE_CLUSTER_MERGE_H

#include "tracker/core/cluster_impl.h"

/* Own peers as news, a portion of them. */
void cluster_write_back_begin(struct cluster *c);
void cluster_write_back_some(struct cluster *c, struct mono now);

/* Adds what was drawn of a side to the draft. SPRAT_E_PROTOCOL. */
int cluster_draw(struct cluster *c, enum cluster_side side, const struct cluster_reply *r,
                 struct mono now);

/* Who changed a peer: another tracker, which we may have done since. */
enum cluster_change_by { BY_US, BY_OTHER, BY_OTHER_BEFORE_US };

/* The same for a change that was appended; false if that does not do. */
bool cluster_merge_change(struct cluster *c, struct shared *t,
                          const struct cluster_change_entry *change, enum cluster_change_by by,
                          struct mono now);

/* To be called once all changes that came are merged. */
void cluster_merge_end(struct cluster *c, struct shared *t);

/* Puts the draft in the place of the old copy. */
void cluster_merge(struct cluster *c, struct shared *t, struct mono now);

#endif
