/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A walk through all shards for the largest swarms, a portion in each round of the loop, so that no
 * announce waits for more than a portion.
 */
#ifndef TRACKER_DAEMON_TOPWALK_H
#define TRACKER_DAEMON_TOPWALK_H

#include "common/ev/loop.h"
#include "tracker/net/shards.h"

struct topwalk;

/* Begins a walk; |done| is called once from the loop, not from inside this, and may free it. NULL
 * when memory is out. */
struct topwalk *topwalk_new(struct loop *l, struct shards *s, enum topswarms_order order,
                            size_t max, void (*done)(void *ctx, const struct topswarms *top),
                            void *ctx);

/* Ends it wherever it is. NULL is legal. */
void topwalk_free(struct topwalk *w);

#endif
