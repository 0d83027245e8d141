/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One lookup in the DHT (BEP 5): asks nodes that are closer and closer to a target, until the
 * closest ones have answered. The lookup chooses whom to ask and judges who answered; its user
 * sends the queries and passes the answers and time-outs.
 *
 * The closest set, at which the lookup ends and to which announces go, resists nodes whose ids or
 * addresses were chosen to surround the target:
 * - An id that is not valid for its address (BEP 42) never counts as close. Such nodes are asked
 *   only when too few others answer.
 * - The set has one node per network (dht_net.h). A lookup knows one node per site, and
 *   DHT_LOOKUP_NETWORK_MAX per network.
 * - The set reaches at least as far as eight nodes of an honest DHT of the estimated size would:
 *   attackers who are closer than that extend the set and displace nobody.
 * - A set of eight that reaches farther than that is sparse: it may be that of a few attackers who
 *   name only each other. The lookup then asks up to DHT_CLOSEST_FAR nodes.
 * - Nodes named by a node whose other names did not answer are asked last. When the lookup knows
 *   too many nodes, it forgets those of the node that named the most.
 */
#ifndef PEER_CORE_DHT_LOOKUP_H
#define PEER_CORE_DHT_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "peer/core/dht.h"

enum {
    DHT_LOOKUP_MAX = 96,        /* nodes that a lookup knows */
    DHT_LOOKUP_NETWORK_MAX = 2, /* … of one network */
    DHT_LOOKUP_NAMED_MAX = 16,  /* nodes taken from one answer */
    DHT_LOOKUP_QUERIES = 64,    /* queries of one lookup */
    DHT_LOOKUP_ALPHA = 3,       /* queries at a time, without those that are late … */
    DHT_LOOKUP_ALPHA_FED = 2,   /* … once peers are found */
    DHT_CLOSEST = 8,            /* nodes of the closest set … */
    DHT_CLOSEST_FAR = 20,       /* … at most, if it has to reach farther */
    DHT_SPARSE = 2, /* once peers are found: times the radius from which on a set is sparse */
    DHT_NAMED_FAILURES = 3, /* named nodes without an answer that discredit a node */
};

enum dht_candidate_state {
    DHT_CANDIDATE_NEW,
    DHT_CANDIDATE_ASKED,
    DHT_CANDIDATE_LATE, /* asked; its answer still counts, but nobody waits for it */
    DHT_CANDIDATE_ANSWERED,
    DHT_CANDIDATE_FAILED,
};

/* No candidate; as a source: our own table. */
#define DHT_CANDIDATE_NONE UINT8_MAX

struct dht_candidate {
    uint8_t id[DHT_ID_LEN];
    struct endpoint addr;
    uint64_t site, network;
    uint8_t state;  /* enum dht_candidate_state */
    uint8_t source; /* the candidate that named it first, or DHT_CANDIDATE_NONE */
    bool has_id, valid;
    uint8_t named_good, named_bad; /* of the candidates that it named: answered, did not */
    uint8_t token_len;
    uint8_t token[DHT_TOKEN_MAX];
};

/* Embedded. Read the counts and |candidates|; the rest is private. */
struct dht_lookup {
    uint8_t target[DHT_ID_LEN];
    uint64_t radius; /* the closest set reaches this far, in the first 64 bits of distance */
    uint32_t queries, answered, asked_now, late_now;
    uint32_t peers; /* peers found; the user counts them */
    uint8_t count;
    uint8_t order[DHT_LOOKUP_MAX]; /* candidates, the closest first, those without an id last */
    struct dht_candidate candidates[DHT_LOOKUP_MAX];
};

/* |radius|: 0 if the size of the DHT is not known. */
void dht_lookup_init(struct dht_lookup *l, const uint8_t target[DHT_ID_LEN], uint64_t radius);

/* Adds a node. |id|: NULL: not known. |source|: the candidate that named it. The lookup ignores a
 * node of a site that it knows, and those that no rule above has room for. */
void dht_lookup_add(struct dht_lookup *l, const uint8_t *id, const struct endpoint *addr,
                    uint8_t source);

/* The candidate to ask now, or DHT_CANDIDATE_NONE. The caller asks it and calls dht_lookup_asked().
 */
uint8_t dht_lookup_next(const struct dht_lookup *l);
void dht_lookup_asked(struct dht_lookup *l, uint8_t candidate);

/* A candidate answered, with its id (the expected one, if it had one) and perhaps a token. */
void dht_lookup_answered(struct dht_lookup *l, uint8_t candidate, const uint8_t id[DHT_ID_LEN],
                         const uint8_t *token, size_t token_len);
void dht_lookup_late(struct dht_lookup *l, uint8_t candidate);
void dht_lookup_failed(struct dht_lookup *l, uint8_t candidate);

/* True if nothing is left to ask or to wait for. */
bool dht_lookup_is_over(const struct dht_lookup *l);

/* Fills |out| with the candidates to announce to and returns their number: those of the closest set
 * that gave a token; if they are fewer than DHT_CLOSEST, also others that gave one. */
size_t dht_lookup_closest(const struct dht_lookup *l, uint8_t out[DHT_CLOSEST_FAR]);

/* The distance, in its first 64 bits, within which DHT_CLOSEST nodes of the closest set answered; 0
 * if fewer did. */
uint64_t dht_lookup_reach(const struct dht_lookup *l);

#endif
