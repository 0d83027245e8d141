/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state of a DHT node (dht.h). Each part has a file:
 * - dht_out writes the queries that leave;
 * - dht_search starts lookups for searches and for the routing table, and announces;
 * - dht_upkeep keeps the table alive, asks for bootstrap nodes and decides whether we are
 * read-only;
 * - dht_answer reads answers and time-outs;
 * - dht_serve answers queries.
 */
#ifndef PEER_CORE_DHT_IMPL_H
#define PEER_CORE_DHT_IMPL_H

#include "common/base/rng.h"
#include "common/codec/krpc.h"
#include "common/ds/hashmap.h"
#include "common/ds/heap.h"
#include "common/ds/list.h"
#include "common/ds/slotmap.h"
#include "peer/core/dht.h"
#include "peer/core/dht_guard.h"
#include "peer/core/dht_lookup.h"
#include "peer/core/dht_pool.h"
#include "peer/core/dht_queries.h"
#include "peer/core/dht_self.h"
#include "peer/core/dht_store.h"
#include "peer/core/dht_table.h"
#include "peer/core/dht_token.h"

enum {
    DHT_LOOKUPS_MAX = 16,      /* lookups at a time … */
    DHT_LOOKUPS_FULL_MAX = 12, /* … of searches that are not hungry */
    DHT_REFLECTORS_MAX = 64,   /* banned reflectors; the oldest is forgotten first */
    DHT_REACHES = 15,          /* lookups from which the size of the DHT is estimated */
};

/* A search of the caller. */
struct dht_search {
    struct hashmap_node by_id;
    struct heap_node due; /* in heaps[spec.hungry]; MONO_NEVER while a lookup is under way */
    struct list finished; /* on the list of SEARCHED effects */
    struct dht_search_spec spec;
    slot_id slot;
    uint8_t lookup; /* the lookup that is under way, or DHT_NO_LOOKUP */
    uint8_t tries;  /* rounds since the search became hungry or found peers */
    uint32_t rounds;
    uint32_t peers, queries, announces; /* of the last round */
    struct mono ended;                  /* the last round */
};

/* A lookup under way, for a search or for the table. */
struct dht_job {
    bool used;
    struct dht_search *search; /* NULL: for the table */
    struct dht_lookup lookup;
};

/* The distances within which eight nodes answered, of random targets. */
struct dht_size {
    uint64_t reaches[DHT_REACHES];
    uint32_t count, turn;
    uint64_t radius; /* their median; 0: none */
};

struct dht_upkeep {
    struct mono due;      /* the next run */
    struct mono pool_due; /* the next ping of an address of the pool */
    struct mono up_at;    /* the last UP */
    struct mono boot_due; /* the next BOOTSTRAP effect, while no node answers */
    uint32_t boot_ms;     /* the pause before the one after it */
    struct mono home_due; /* the next lookup of our own id */
    uint32_t home_rounds; /* such lookups since UP */
    struct mono save_due;
    struct mono expire_due; /* the next dht_store_expire() */
    bool answered;          /* some node answered since UP … */
    struct mono answer_at;  /* … the last time here */
    uint32_t unanswered;    /* queries that failed since */
    struct mono reach_at;   /* the present period of dht_reach began */
    uint32_t reach_asked;   /* queries sent in this period */
    bool reached;           /* a query came from a site that we had not asked */
    bool read_only;
};

/* What dht_next() hands out. */
struct dht_outbox {
    bool bootstrap, save, identity;
    size_t reply_len; /* 0: no reply */
    struct endpoint reply_to;
    uint8_t reply[DHT_PACKET_MAX];
    uint8_t packet[DHT_PACKET_MAX];
    uint64_t peers_search;
    size_t peers_count;
    struct endpoint peers[DHT_PEERS_MAX];
    size_t nodes_count;
    struct dht_contact nodes[DHT_SIBLING_NAMED_MAX]; /* of the other family */
};

struct dht {
    enum ip_family family;
    enum dht_reach reach;
    uint8_t version[DHT_VERSION_LEN];
    bool up;
    struct rng rng;
    const struct dht *other;
    struct dht_self self;
    struct dht_table table;
    struct dht_guard guard;
    struct dht_queries queries;
    struct dht_pool pool;
    struct dht_token_keys tokens;
    struct dht_store *store;
    struct dht_upkeep upkeep;
    struct dht_size size;
    struct dht_outbox out;
    struct endpoint reflectors[DHT_REFLECTORS_MAX];
    uint32_t reflector_turn;
    struct dht_job jobs[DHT_LOOKUPS_MAX];
    struct slotmap searches;
    struct hashmap by_id;
    struct heap heaps[2]; /* [hungry] */
    struct list finished;
    uint64_t counters[DHT_COUNTER_COUNT];
};

/* Whether our node of the other family needs nodes that ours can ask for (BEP 32). */
static inline bool
dht_sibling_lacks_nodes(const struct dht *d)
{
    return d->other != NULL && d->other->up && d->other->table.count < DHT_SIBLING_FEW;
}

static inline void
dht_count(struct dht *d, enum dht_counter what, uint64_t n)
{
    d->counters[what] += n;
}

#endif
