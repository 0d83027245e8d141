/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The queries of a DHT node that wait to be sent or for their answer, in a table of fixed size. A
 * query's transaction id is its place in the table and a number that outsiders can't guess, so that
 * an answer counts only if it comes from the address asked and carries that id.
 *
 * A query without an answer becomes late first, after a time that follows from the measured round
 * trips: a lookup then goes on without it. Its answer still counts until the query expires.
 */
#ifndef PEER_CORE_DHT_QUERIES_H
#define PEER_CORE_DHT_QUERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "peer/core/allowance.h"
#include "peer/core/dht.h"

enum {
    DHT_QUERIES_MAX = 512, /* queries at a time */
    DHT_TID_LEN = 5,       /* bytes of our transaction ids: place, then the secret number */
    DHT_EXPIRE_MS = 6000,  /* a query without an answer has failed after this time */
    DHT_RESENDS_MAX = 3,   /* times that a query is sent again */
    DHT_LATE_MIN_MS = 50,  /* bounds of the time after which a query is late */
    DHT_LATE_MAX_MS = 2000,
    DHT_LATE_FIRST_MS = 800, /* that time before any round trip was measured */
    DHT_QUERIES_RATE = 200,  /* queries sent per second … */
    DHT_QUERIES_BURST = 200, /* … and at once */
};

enum dht_query_kind { DHT_ASK_PING, DHT_ASK_FIND_NODE, DHT_ASK_GET_PEERS, DHT_ASK_ANNOUNCE };

enum dht_query_state { DHT_QUERY_FREE, DHT_QUERY_UNSENT, DHT_QUERY_SENT, DHT_QUERY_LATE };

/* The asker of a query that belongs to no lookup. */
#define DHT_NO_LOOKUP UINT8_MAX

struct dht_query {
    struct endpoint to;
    uint8_t id[DHT_ID_LEN]; /* the id that |to| must have; all zero: any */
    uint8_t state, kind;    /* enum dht_query_state, enum dht_query_kind */
    uint8_t lookup;         /* index of the lookup that asks, or DHT_NO_LOOKUP */
    uint8_t candidate;      /* its candidate */
    uint8_t resent;         /* times that it was sent again */
    bool seed;              /* GET_PEERS: we want no seeds; ANNOUNCE: we are one */
    uint8_t token_len;      /* ANNOUNCE: the token of |to| … */
    uint16_t port;          /* … and our port */
    uint8_t token[DHT_TOKEN_MAX];
    uint8_t target[DHT_ID_LEN]; /* of all kinds but PING */
    uint32_t number;            /* the secret part of the transaction id */
    struct mono sent;
    struct mono due; /* when a sent query is late, or a late one has failed */
};

/* Embedded. Read |count| and |srtt_us|; the rest is private. */
struct dht_queries {
    struct dht_query all[DHT_QUERIES_MAX];
    uint16_t line[DHT_QUERIES_MAX]; /* unsent queries in a ring, the next at |line_at| */
    uint16_t line_at, line_count;
    uint16_t count, turn;
    uint64_t key[2], numbers;   /* the numbers are a keyed hash of a count */
    int64_t srtt_us, rttvar_us; /* smoothed round trip and its variation; 0: none measured */
    struct allowance rate;
    struct mono due;    /* no sent or late query is due before this */
    struct mono resume; /* the rate allows no query before this */
};

void dht_queries_init(struct dht_queries *q, const uint64_t key[2]);

/* A new query, which stands in line to be sent, or NULL if the table is full. |id|: NULL: any. */
struct dht_query *dht_queries_add(struct dht_queries *q, enum dht_query_kind kind,
                                  const struct endpoint *to, const uint8_t *id);

/* The next query to send, which counts as sent from now on; NULL: none, or not yet. */
struct dht_query *dht_queries_send(struct dht_queries *q, struct mono now);

/* A late query stands in line once more; its transaction id stays, and it fails at the same time.
 * No effect if it was sent again DHT_RESENDS_MAX times. */
void dht_queries_resend(struct dht_queries *q, struct dht_query *query);

/* Writes the transaction id of |query|. */
void dht_queries_tid(const struct dht_queries *q, const struct dht_query *query,
                     uint8_t tid[DHT_TID_LEN]);

/* The query that waits for an answer with this transaction id, or NULL. The sender is not checked.
 */
struct dht_query *dht_queries_find(struct dht_queries *q, const uint8_t *tid, size_t len);

/* True if a query to |to| is unsent or waits for its answer. */
bool dht_queries_pending(const struct dht_queries *q, const struct endpoint *to);

/* An answer came: measures the round trip, unless it is not known which sending it answers. */
void dht_queries_answered(struct dht_queries *q, const struct dht_query *query, struct mono now);

/* Frees a query. */
void dht_queries_remove(struct dht_queries *q, struct dht_query *query);

/* A query that became late (state DHT_QUERY_LATE) or that failed (state DHT_QUERY_FREE: the query
 * is removed, and its content is valid until the next call); NULL: none. */
struct dht_query *dht_queries_due(struct dht_queries *q, struct mono now);

/* When dht_queries_due() or dht_queries_send() has something next. */
struct mono dht_queries_expiry(const struct dht_queries *q);

/* A lookup ends: its unsent queries are forgotten, and answers to the others belong to no lookup.
 */
void dht_queries_forget_lookup(struct dht_queries *q, uint8_t lookup);

/* Forgets the unsent announces of an info-hash. */
void dht_queries_forget_announces(struct dht_queries *q, const uint8_t info_hash[DHT_ID_LEN]);

/* Forgets all queries, but not the round trips. */
void dht_queries_clear(struct dht_queries *q);

#endif
