/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of swarms: info-hash to the peers of both families, and the order in which swarms are
 * swept. Knows no announce; there may be several, each with a part of the torrents.
 */
#ifndef TRACKER_CORE_SWARMS_H
#define TRACKER_CORE_SWARMS_H

#include "common/base/mono.h"
#include "common/base/tally.h"
#include "common/codec/tracker.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "tracker/core/peerset.h"

enum {
    SWARMS_PREFETCH_MAX = 64,
    SWARMS_SHED_LOOKS = 32,
};

struct swarm {
    struct hashmap_node node;
    struct list link; /* in struct swarms' |by_sweep| */
    struct mono swept_at;
    uint32_t downloaded; /* completions seen */
    uint32_t saved_in;   /* number of the last snapshot that it was written to */
    uint32_t leechers_s; /* second in which it last had a leecher, or since when it is known */
    uint8_t info_hash[TRACKER_HASH_LEN];
    struct peerset v4, v6;
};

/* What limits are measured by, of one table or of several. Embedded; starts as all zero. */
struct swarms_totals {
    struct tally swarms, peers;
};

/* Embedded; read |map.count| and the numbers of peers. */
struct swarms {
    struct hashmap map;
    struct list by_sweep; /* the one swept longest ago first; the next three may be between */
    struct list saved;    /* snapshot.h: the swarms before it were written */
    struct list shed;     /* swarms_shed() goes on behind it */
    struct list told;     /* cluster.h: the swarms before it were written back */
    uint32_t save;        /* number of the snapshot at hand, or of the last */
    struct peerset_env env;
    uint64_t peers4, peers6; /* of this table */
    struct swarms_totals *totals;
    struct swarms_totals own_totals; /* unless they are shared */
    bool keeps_ids;
};

void swarms_init(struct swarms *s, const uint64_t seed[2], bool keeps_ids);
void swarms_fini(struct swarms *s);

/* Counts in |totals|, which is borrowed, together with other tables. While |s| is empty. */
void swarms_share_totals(struct swarms *s, struct swarms_totals *totals);

/* The swarm of |hash|, or NULL. */
struct swarm *swarms_find(const struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN]);

/* A peer that is going to be looked for. */
struct swarms_ask {
    const uint8_t *info_hash; /* borrowed */
    uint8_t key[COMPACT_V6_LEN];
    uint8_t family;
};

/* Gets the swarms and the peers of |n| askers on their way from memory, all at once: each is five
 * cache misses in a row for who looks for them one after the other. At most SWARMS_PREFETCH_MAX. */
void swarms_prefetch(const struct swarms *s, const struct swarms_ask *asks, size_t n);

/* Adds a swarm that is not in; NULL when memory is out. */
struct swarm *swarms_add(struct swarms *s, const uint8_t hash[TRACKER_HASH_LEN], struct mono now);

static inline struct peerset *
swarm_peers(struct swarm *w, uint8_t family)
{
    return family == IP_V4 ? &w->v4 : &w->v6;
}

/* Notes that |n| peers of a family came, or went if it is negative. */
static inline void
swarms_count_peers(struct swarms *s, uint8_t family, int64_t n)
{
    *(family == IP_V4 ? &s->peers4 : &s->peers6) += (uint64_t)n;
    tally_add(&s->totals->peers, (uint64_t)n);
}

/* The swarm behind |link|, which is one's or a mark in the list of them; NULL at the end. */
struct swarm *swarms_next(const struct swarms *s, const struct list *link);

/* The swarm that was swept longest ago; NULL if there is none. */
struct swarm *swarms_oldest(const struct swarms *s);

/* Removes a swarm of one peer other than |keep|, if one is found among the next SWARMS_SHED_LOOKS
 * of all in turn; false if not. Swarms that nobody shares are what fills a tracker with made-up
 * info-hashes, and what is missed least. */
bool swarms_shed(struct swarms *s, const struct swarm *keep);

/* Removes the peers of |w| that were last seen more than |age_max| seconds before |now_s|, and |w|
 * itself if none is left; else it becomes the one that was swept last. Returns the number of peers
 * that were looked at. */
uint32_t swarms_sweep(struct swarms *s, struct swarm *w, uint16_t now_s, uint16_t age_max,
                      struct mono now);

#endif
