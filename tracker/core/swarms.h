/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table of swarms: maps an info-hash to the peers of both families, and keeps the order in which
 * swarms are swept for expired peers. Knows no announce. There may be several tables, each with a
 * part of the torrents.
 */
#ifndef TRACKER_CORE_SWARMS_H
#define TRACKER_CORE_SWARMS_H

#include "common/base/mono.h"
#include "common/base/rng.h"
#include "common/base/tally.h"
#include "common/codec/tracker.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "tracker/core/crowd.h"
#include "tracker/core/netset.h"
#include "tracker/core/peerset.h"
#include "tracker/core/records.h"

enum {
    SWARMS_PREFETCH_MAX = 64,
    SWARMS_SHED_LOOKS = 32,
    SWARMS_SHED_PEERS = 16, /* a swarm with more peers is never removed to make room */
    SWARMS_OLD_SWEEPS = 9, /* a swarm that has survived so many sweeps was announced more than once:
                              there are eight sweeps in the time after which a peer expires */
    SWARMS_FAIR_PARTS = 64, /* an address has a fair share of one in so many torrents */
};

struct swarm {
    struct hashmap_node node;
    struct list link; /* in |swarms.by_sweep| */
    struct mono swept_at;
    uint32_t downloaded;    /* number of completions */
    uint32_t saved_in : 24; /* number of the last snapshot that it was written to */
    uint32_t sweeps : 8;    /* that the swarm has survived, at most SWARMS_OLD_SWEEPS */
    uint32_t leechers_s;    /* second in which it last had a leecher, or in which it was added */
    uint8_t info_hash[TRACKER_HASH_LEN];
    struct peerset v4;
    struct peerset *v6; /* NULL: no IPv6 peer has come yet */
};

/* Totals that limits are compared with, of one table or of several. Embedded; starts as all zero.
 */
struct swarms_totals {
    struct tally swarms, peers;
};

/* Limits on the peers of an address. Embedded; all zero: no limits. */
struct swarms_rules {
    uint32_t site_peers_max; /* in one torrent; 0: any number */
    uint32_t swarms_max;     /* of all tables, from which the fair share is computed */
    struct netset exempt;    /* addresses that may have any number */
};

/* Embedded; |map.count| and the numbers of peers may be read. */
struct swarms {
    struct hashmap map;
    struct list by_sweep; /* the least recently swept first; the next two may be between */
    struct list saved;    /* mark for snapshot.h: the swarms before it were written */
    struct list told;     /* mark for cluster.h: the swarms before it were written back */
    uint32_t save;        /* number of the current snapshot, or of the last one */
    struct peerset_env env;
    struct swarms_rules rules;
    struct rng rng;
    struct crowd crowd;      /* counts all peers that are not unsited */
    struct swarm *sweeping;  /* the swarm that a sweep has done partly, or NULL, */
    uint32_t sweep4, sweep6; /* and the numbers of its peers that are left */
    struct swarm *saving;    /* the same for a snapshot */
    uint32_t save4, save6;
    uint64_t peers4, peers6; /* of this table */
    struct swarms_totals *totals;
    struct swarms_totals own_totals; /* used unless totals are shared */
    struct blocks blocks;            /* the blocks of |env| */
    struct records records;          /* the memory of the swarms */
};

/* SPRAT_E_NOMEM; swarms_fini() is legal after an error too. */
int swarms_init(struct swarms *s, const uint64_t seed[2], struct peerset_form form);
void swarms_fini(struct swarms *s);

/* Sets the form of the peers. Call while |s| is empty. */
void swarms_set_form(struct swarms *s, struct peerset_form form);

/* Uses |totals|, which is borrowed and shared with other tables. Call while |s| is empty. */
void swarms_share_totals(struct swarms *s, struct swarms_totals *totals);

/* An info-hash and its keyed hash, which is the same in all tables with one seed. An announce
 * computes it once. */
struct swarms_place {
    const uint8_t *info_hash; /* borrowed */
    uint64_t hash;
};

static inline struct swarms_place
swarms_place(const struct swarms *s, const uint8_t info_hash[TRACKER_HASH_LEN])
{
    return (struct swarms_place){info_hash, hashmap_hash(&s->map, info_hash, TRACKER_HASH_LEN)};
}

/* The swarm of the info-hash, or NULL. */
struct swarm *swarms_find(const struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN]);
struct swarm *swarms_find_at(const struct swarms *s, const struct swarms_place *at);

/* A peer to search for. */
struct swarms_ask {
    struct swarms_place at; /* |at.hash| is set by swarms_prefetch() */
    uint8_t key[COMPACT_V6_LEN];
    uint8_t family;
};

/* Prefetches the swarms and the peers of |n| announces in parallel, at most SWARMS_PREFETCH_MAX:
 * without this each search would wait for five cache misses, one after the other. */
void swarms_prefetch(const struct swarms *s, struct swarms_ask *asks, size_t n);

/* Adds a swarm that is not in the table; NULL when memory is out. */
struct swarm *swarms_add(struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN], struct mono now);
struct swarm *swarms_add_at(struct swarms *s, const struct swarms_place *at, struct mono now);

/* The empty set that swarm_peers() returns if the swarm has no peers of a family. */
extern const struct peerset swarm_no_peers;

/* The peers of one family, for reading. */
static inline const struct peerset *
swarm_peers(const struct swarm *w, uint8_t family)
{
    if (family == IP_V4)
        return &w->v4;
    return w->v6 != NULL ? w->v6 : &swarm_no_peers;
}

/* The same set for changes; NULL for IPv6 until a peer is added. */
static inline struct peerset *
swarm_set(struct swarm *w, uint8_t family)
{
    return family == IP_V4 ? &w->v4 : w->v6;
}

static inline uint32_t
swarm_leechers(const struct swarm *w)
{
    return w->v4.nleeches + swarm_peers(w, IP_V6)->nleeches;
}

/* Sets the limits; existing peers stay. */
static inline void
swarms_set_rules(struct swarms *s, const struct swarms_rules *rules)
{
    s->rules = *rules;
}

/* Adds a peer with compact endpoint |key| that |w| does not have, and returns its position;
 * PEERSET_NONE when memory is out, or when its site has the maximum number of peers. In the second
 * case |*longest| is the position of the peer of that site with the oldest announce at |now_s|,
 * otherwise PEERSET_NONE. */
uint32_t swarms_add_peer(struct swarms *s, struct swarm *w, uint8_t family, const uint8_t *key,
                         bool seed, uint16_t now_s, uint32_t *longest);

void swarms_remove_peer(struct swarms *s, struct swarm *w, uint8_t family, uint32_t pos);

/* The swarm after |link|, which is the link of a swarm or a mark; NULL at the end of the list. */
struct swarm *swarms_next(const struct swarms *s, const struct list *link);

/* The least recently swept swarm; NULL if the table is empty. */
struct swarm *swarms_oldest(const struct swarms *s);

/* Finds a swarm to remove in favour of a peer with compact endpoint |key|, or NULL. Of about
 * SWARMS_SHED_LOOKS random swarms other than |keep| it is the one whose least busy peer has the
 * busiest address. That address must be among the busiest of all, and have clearly more peers in
 * this table than the address of |key|. So made-up info-hashes replace each other. A swarm that has
 * been announced more than once is found only if its addresses have more than their fair share. The
 * swarm has at most SWARMS_SHED_PEERS peers. */
struct swarm *swarms_find_burden(struct swarms *s, const struct swarm *keep, uint8_t family,
                                 const uint8_t *key);

/* Removes a swarm and its peers. */
void swarms_drop(struct swarms *s, struct swarm *w);

/* Sweeps the least recently swept swarm: examines at most |looks| of its peers, from where the last
 * call stopped, and removes those last seen more than |age_max| seconds before |now_s|. When all
 * were examined, the swarm is removed if it is empty, else it moves to the end of the order.
 * Returns the number of peers examined. The table must not be empty. */
uint32_t swarms_sweep(struct swarms *s, uint32_t looks, uint16_t now_s, uint16_t age_max,
                      struct mono now);

#endif
