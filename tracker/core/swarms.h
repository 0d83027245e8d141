/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of swarms: info-hash to the peers of both families, and the order in which swarms are
 * swept. Knows no announce; there may be several, each with a part of the torrents.
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

enum {
    SWARMS_PREFETCH_MAX = 64,
    SWARMS_SHED_LOOKS = 32,
    SWARMS_SHED_PEERS = 16, /* a swarm of more peers is never removed to make room */
    SWARMS_OLD_SWEEPS = 9,  /* a swarm that outlived so many sweeps was announced more than once:
                               there are eight in the time after which a silent peer is removed */
    SWARMS_FAIR_PARTS = 64, /* an address that has more than one part of so many of all torrents has
                               more than its share, however long it has them */
};

struct swarm {
    struct hashmap_node node;
    struct list link; /* in struct swarms' |by_sweep| */
    struct mono swept_at;
    uint32_t downloaded; /* completions seen */
    uint32_t saved_in : 24; /* number of the last snapshot that it was written to */
    uint32_t sweeps : 8;    /* that it outlived, at most SWARMS_OLD_SWEEPS */
    uint32_t leechers_s; /* second in which it last had a leecher, or since when it is known */
    uint8_t info_hash[TRACKER_HASH_LEN];
    struct peerset v4;
    struct peerset *v6; /* NULL: no IPv6 peer has come yet */
};

/* What limits are measured by, of one table or of several. Embedded; starts as all zero. */
struct swarms_totals {
    struct tally swarms, peers;
};

/* How many peers an address may have. Embedded; all zero: any number. */
struct swarms_rules {
    uint32_t site_peers_max; /* of one torrent; 0: any number */
    uint32_t swarms_max;     /* of all tables; only to know what a fair share is */
    struct netset exempt;    /* addresses that may have any number */
};

/* Embedded; read |map.count| and the numbers of peers. */
struct swarms {
    struct hashmap map;
    struct list by_sweep; /* the one swept longest ago first; the next three may be between */
    struct list saved;    /* snapshot.h: the swarms before it were written */
    struct list told;     /* cluster.h: the swarms before it were written back */
    uint32_t save;        /* number of the snapshot at hand, or of the last */
    struct peerset_env env;
    struct swarms_rules rules;
    struct rng rng;
    struct crowd crowd;      /* peers that count among those of their site */
    struct swarm *sweeping;  /* the one that a sweep is in the middle of, or NULL, */
    uint32_t sweep4, sweep6; /* and how many of its peers are still to be looked at */
    struct swarm *saving;    /* the same of a snapshot */
    uint32_t save4, save6;
    uint64_t peers4, peers6; /* of this table */
    struct swarms_totals *totals;
    struct swarms_totals own_totals; /* unless they are shared */
    struct blocks blocks; /* the memory of |env| */
};

/* SPRAT_E_NOMEM; swarms_fini() is legal then too. */
int swarms_init(struct swarms *s, const uint64_t seed[2], struct peerset_form form);
void swarms_fini(struct swarms *s);

/* Gives the peers another form. While |s| is empty. */
void swarms_set_form(struct swarms *s, struct peerset_form form);

/* Counts in |totals|, which is borrowed, together with other tables. While |s| is empty. */
void swarms_share_totals(struct swarms *s, struct swarms_totals *totals);

/* An info-hash and its keyed hash, which is the same in all tables of one seed. An announce has it
 * computed once. */
struct swarms_place {
    const uint8_t *info_hash; /* borrowed */
    uint64_t hash;
};

static inline struct swarms_place
swarms_place(const struct swarms *s, const uint8_t info_hash[TRACKER_HASH_LEN])
{
    return (struct swarms_place){info_hash, hashmap_hash(&s->map, info_hash, TRACKER_HASH_LEN)};
}

/* The swarm of that info-hash, or NULL. */
struct swarm *swarms_find(const struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN]);
struct swarm *swarms_find_at(const struct swarms *s, const struct swarms_place *at);

/* A peer that is going to be looked for. */
struct swarms_ask {
    struct swarms_place at; /* |at.hash| is set by swarms_prefetch() */
    uint8_t key[COMPACT_V6_LEN];
    uint8_t family;
};

/* Gets the swarms and the peers of |n| askers on their way from memory, all at once: each is five
 * cache misses in a row for who looks for them one after the other. At most SWARMS_PREFETCH_MAX. */
void swarms_prefetch(const struct swarms *s, struct swarms_ask *asks, size_t n);

/* Adds a swarm that is not in; NULL when memory is out. */
struct swarm *swarms_add(struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN], struct mono now);
struct swarm *swarms_add_at(struct swarms *s, const struct swarms_place *at, struct mono now);

/* What swarm_peers() returns for a family that a swarm has no set of. */
extern const struct peerset swarm_no_peers;

/* The peers of one family, to be read. */
static inline const struct peerset *
swarm_peers(const struct swarm *w, uint8_t family)
{
    if (family == IP_V4)
        return &w->v4;
    return w->v6 != NULL ? w->v6 : &swarm_no_peers;
}

/* The same set, to be changed; NULL for IPv6 until a peer is added. */
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

/* From now on; peers that are there already stay. */
static inline void
swarms_set_rules(struct swarms *s, const struct swarms_rules *rules)
{
    s->rules = *rules;
}

/* Adds a peer with compact endpoint |key| that |w| does not have, and returns its position;
 * PEERSET_NONE when memory is out, or when its site has as many as it may. |*longest| is the
 * position of the one of these that is silent for the longest time at |now_s|, in the second case,
 * else PEERSET_NONE. */
uint32_t swarms_add_peer(struct swarms *s, struct swarm *w, uint8_t family, const uint8_t *key,
                         bool seed, uint16_t now_s, uint32_t *longest);

void swarms_remove_peer(struct swarms *s, struct swarm *w, uint8_t family, uint32_t pos);

/* The swarm behind |link|, which is one's or a mark in the list of them; NULL at the end. */
struct swarm *swarms_next(const struct swarms *s, const struct list *link);

/* The swarm that was swept longest ago; NULL if there is none. */
struct swarm *swarms_oldest(const struct swarms *s);

/* The swarm that had better make room for a peer with compact endpoint |key|, or NULL: of some
 * SWARMS_SHED_LOOKS swarms by chance, other than |keep|, the one whose peers all have the busiest
 * addresses, if these are among the busiest of all and have clearly more peers in this table than
 * the address of |key|. So made-up info-hashes make room for each other. A swarm that has been
 * announced more than once makes room only if its addresses have more than their fair share. It has
 * at most SWARMS_SHED_PEERS peers. */
struct swarm *swarms_find_burden(struct swarms *s, const struct swarm *keep, uint8_t family,
                                 const uint8_t *key);

/* Removes a swarm and its peers. */
void swarms_drop(struct swarms *s, struct swarm *w);

/* Looks at the peers of the swarm that was swept longest ago, at most |looks| in all, from where
 * the last call stopped, and removes those that were last seen more than |age_max| seconds before
 * |now_s|. When all were looked at, the swarm is removed if none is left, else it becomes the one
 * that was swept last. Returns the number of peers that were looked at. There must be a swarm. */
uint32_t swarms_sweep(struct swarms *s, uint32_t looks, uint16_t now_s, uint16_t age_max,
                      struct mono now);

#endif
