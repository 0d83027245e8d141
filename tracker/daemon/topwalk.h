/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the largest swarms by a walk through all shards. Each round of the loop does a portion, so
 * that no announce waits for longer than that.
 */
#ifndef TRACKER_DAEMON_TOPWALK_H
#define TRACKER_DAEMON_TOPWALK_H

#include "common/ev/loop.h"
#include "tracker/net/shards.h"

struct topwalk;

/* Begins a walk. The loop calls |done| once, after this function has returned; |done| may free the
 * walk. NULL when memory is out. */
struct topwalk *topwalk_new(struct loop *l, struct shards *s, enum topswarms_order order,
                            size_t max, void (*done)(void *ctx, const struct topswarms *top),
                            void *ctx);

/* Ends the walk at any time. NULL is legal. */
void topwalk_free(struct topwalk *w);

#endif
