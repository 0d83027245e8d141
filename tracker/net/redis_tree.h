/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Replies of Redis that have arrays in arrays, as streams do, and long strings: read whole, into
 * memory that the reader keeps until the next reply. redis.h is for the short ones that come all
 * the time.
 */
#ifndef TRACKER_NET_REDIS_TREE_H
#define TRACKER_NET_REDIS_TREE_H

#include <stddef.h>

#include "tracker/core/cluster_wire.h"

enum {
    REDIS_TREE_DEPTH_MAX = 5,          /* arrays in arrays */
    REDIS_TREE_ELEMENTS_MAX = 1 << 12, /* of one array */
    REDIS_TREE_NODES_MAX = 1 << 14,    /* of a reply */
    REDIS_TREE_BYTES_MAX = 1 << 23,    /* that came and that no whole reply was made of yet */
};

struct redis_tree;

/* NULL when memory is out. */
struct redis_tree *redis_tree_new(void);
void redis_tree_free(struct redis_tree *t); /* NULL is legal */

/* Takes bytes that came. SPRAT_E_PROTOCOL: too many for a reply; SPRAT_E_NOMEM. */
int redis_tree_feed(struct redis_tree *t, const void *bytes, size_t len);

/* The next whole reply: 1, and |*reply| is good until the next call of anything here; 0: there is
 * none yet; SPRAT_E_PROTOCOL for what is no reply or is beyond the limits, SPRAT_E_NOMEM: nothing
 * more can be read then. */
int redis_tree_next(struct redis_tree *t, const struct cluster_reply **reply);

#endif
