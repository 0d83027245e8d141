/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Collects the largest swarms of those offered to it, in order. Offering a swarm twice has the same
 * effect as offering it once, so that a table may change while it is walked. Allocates nothing.
 */
#ifndef TRACKER_CORE_TOPSWARMS_H
#define TRACKER_CORE_TOPSWARMS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/codec/tracker.h"

enum { TOPSWARMS_MAX = 100 };

/*  X(id, name) what is compared; the info-hash decides between equals */
#define TOPSWARMS_ORDER_TABLE(X)                                                                   \
    X(PEERS, "peers")                                                                              \
    X(SEEDERS, "seeders")                                                                          \
    X(LEECHERS, "leechers")                                                                        \
    X(COMPLETED, "completed")

enum topswarms_order {
#define X(id, name) TOPSWARMS_BY_##id,
    TOPSWARMS_ORDER_TABLE(X)
#undef X
};

/* Finds the order called |name| of |len| bytes; false if there is none. */
bool topswarms_order_parse(const char *name, size_t len, enum topswarms_order *order);

/* Embedded; |count| and |at| may be read. */
struct topswarms {
    enum topswarms_order order;
    size_t max, count;
    struct tracker_scrape at[TOPSWARMS_MAX]; /* the largest first */
};

/* |max|: 1 to TOPSWARMS_MAX. */
void topswarms_init(struct topswarms *t, enum topswarms_order order, size_t max);

/* Offers a swarm. A swarm without peers is ignored. */
void topswarms_offer(struct topswarms *t, const struct tracker_scrape *s);

#endif
