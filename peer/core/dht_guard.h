/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the DHT node knows about the sites that it exchanges datagrams with, in a table of fixed
 * size: how many more of a site's queries are answered, whether the site has proven that it
 * receives what is sent to it, and whether we asked it lately. An address without such a proof may
 * be that of a victim in whose name somebody else sends.
 *
 * A flood from one site costs that site its answers. A flood from a million forged sites costs
 * strangers theirs: half of the answers per second are kept for sites with a proof. The table keys
 * its rows by a secret, so that nobody can choose the site that is forgotten.
 */
#ifndef PEER_CORE_DHT_GUARD_H
#define PEER_CORE_DHT_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "peer/core/allowance.h"

enum {
    DHT_GUARD_ROWS = 1024,
    DHT_GUARD_WAYS = 4,        /* sites of one row; the one seen last the longest ago goes first */
    DHT_GUARD_SITE_RATE = 10,  /* queries of one site that are answered per second … */
    DHT_GUARD_SITE_BURST = 40, /* … and at once */
    DHT_GUARD_RATE = 250,      /* queries of all sites that are answered per second … */
    DHT_GUARD_BURST = 500,     /* … and at once */
    DHT_GUARD_PING_RATE = 5,   /* pings per second to nodes that we know only by their query … */
    DHT_GUARD_PING_BURST = 10, /* … and at once */
    DHT_PROOF_MS = 600000,     /* a proof holds for this long */
    DHT_ASKED_MS = 300000,     /* a query of ours opens the way through a NAT for this long */
    DHT_UNPROVEN_FACTOR = 4,   /* most bytes sent per byte received, without a proof */
};

/* Embedded; private. Allowances count thousandths of a query. */
struct dht_guard {
    uint64_t key[2];
    struct allowance all, pings;
    struct dht_guard_entry {
        uint64_t site; /* a keyed hash */
        struct allowance queries;
        uint32_t seen_s;   /* seconds since |began|, plus 1; 0: the entry is free */
        uint32_t proven_s; /* 0: no proof */
        uint32_t asked_s;  /* 0: not asked */
    } entries[DHT_GUARD_ROWS][DHT_GUARD_WAYS];
    struct mono began;
};

void dht_guard_init(struct dht_guard *g, const uint64_t key[2], struct mono now);

/* A query came from |from|: true if it may be answered. */
bool dht_guard_query(struct dht_guard *g, const struct endpoint *from, struct mono now);

/* True if a ping may go to a node that we know only by its query. */
bool dht_guard_ping(struct dht_guard *g, struct mono now);

/* A query of ours goes to |to|; |from| answered one. */
void dht_guard_asked(struct dht_guard *g, const struct endpoint *to, struct mono now);
void dht_guard_proved(struct dht_guard *g, const struct endpoint *from, struct mono now);

/* True if we asked that site during the last DHT_ASKED_MS. */
bool dht_guard_was_asked(const struct dht_guard *g, const struct endpoint *from, struct mono now);

/* The most bytes that may be sent to |to| in answer to |len| bytes, at most |most|. */
size_t dht_guard_allowance(const struct dht_guard *g, const struct endpoint *to, size_t len,
                           size_t most, struct mono now);

#endif
