/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses replies of Redis with nested arrays, as streams have, and with long strings. A reply is
 * read as a whole, into memory that the reader keeps until the next reply. redis.h is for the short
 * and frequent replies.
 */
#ifndef TRACKER_NET_REDIS_TREE_H
#define TRACKER_NET_REDIS_TREE_H

#include <stddef.h>

#include "tracker/core/cluster_wire.h"

enum {
    REDIS_TREE_DEPTH_MAX = 5,          /* levels of nested arrays */
    REDIS_TREE_ELEMENTS_MAX = 1 << 12, /* of one array */
    REDIS_TREE_NODES_MAX = 1 << 14,    /* of a reply */
    REDIS_TREE_BYTES_MAX = 1 << 23,    /* received that do not form a whole reply yet */
};

struct redis_tree;

/* NULL when memory is out. */
struct redis_tree *redis_tree_new(void);
void redis_tree_free(struct redis_tree *t); /* NULL is legal */

/* Takes received bytes. SPRAT_E_PROTOCOL: too many for a reply; SPRAT_E_NOMEM. */
int redis_tree_feed(struct redis_tree *t, const void *bytes, size_t len);

/* Reads the next whole reply. Returns 1, and |*reply| is valid until the next call of any function
 * here; 0 if there is none yet; SPRAT_E_PROTOCOL if the bytes are not a reply or exceed the limits;
 * or SPRAT_E_NOMEM. After an error nothing more can be read. */
int redis_tree_next(struct redis_tree *t, const struct cluster_reply **reply);

#endif
