/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The announcer's state, for announce.c, which decides, and announce_status.c, which describes it.
 */
#ifndef PEER_CORE_ANNOUNCE_IMPL_H
#define PEER_CORE_ANNOUNCE_IMPL_H

#include "peer/core/announce.h"

/* One hash at one tracker. */
struct announce_hash {
    enum announce_event event; /* of the request under way */
    bool flying;
    bool asked;     /* at least once */
    bool heard;     /* the tracker has us on its list */
    bool completed; /* is yet to be told "completed" */
    bool never;     /* it wants to be asked no more (BEP 31) */
    bool working;   /* the last try was right */
    unsigned failures;
    uint64_t round; /* the last one it was asked in */
    struct mono asked_at;
    struct mono retry_at;
    int err;
    char *message; /* of at most ANNOUNCE_MESSAGE_MAX bytes; NULL: none, as of most */
    uint32_t seeders, leechers, peers;
};

struct announce_tracker {
    char *url;
    unsigned tier;
    bool unsupported;
    /* As its last good answers said, within bounds; of use while one of the hashes works. */
    struct mono answered_at;
    uint64_t answered_round;
    uint32_t interval_s, min_interval_s;
    bool nobody;        /* it knows no peers but us */
    uint64_t due_round; /* the last round in which it was due */
    uint64_t used;      /* the last round that relied on it */
    struct announce_hash hashes[ANNOUNCE_HASHES_MAX];
};

enum announcer_state { ANNOUNCER_STOPPED, ANNOUNCER_RUNNING };

struct announcer {
    struct rng *rng;
    struct announce_tracker *trackers; /* a job's id is an index here times hashes, plus the hash's
                                          index */
    uint32_t *order;                   /* of trackers: by tier, the best of each first */
    uint32_t count, room; /* trackers, and how many |trackers| and |order| have room for */
    unsigned extra_tiers; /* tiers before the torrent's own */
    uint32_t hashes;
    bool v2[ANNOUNCE_HASHES_MAX]; /* which hash is which */
    enum announcer_state state;
    uint64_t round; /* its number */
    bool early;     /* it began before an interval was over, for lack of peers */
    bool walking;   /* it is under way, and is at order[at]: */
    uint32_t at;
    bool at_due;           /* that tracker has to be asked now */
    struct mono at_slow;   /* if not: when it has had its time to answer */
    bool enough;           /* the last round ended at a tracker that named peers */
    struct mono round_at;  /* when the next one begins */
    enum announce_lack lack;
    struct mono lack_since;  /* the lack became what it is; nothing is due earlier for its sake */
    struct mono alone_since; /* a leecher's ANNOUNCE_LACK_ALONE began */
    unsigned early_rounds; /* in a row */
    bool quiet;            /* nothing is due before |quiet_until|, which is the expiry */
    struct mono quiet_until;
};

/* When the tracker is due again in a round; MONO_NEVER if no hash works that could be asked. */
struct mono announcer_due_at(const struct announcer *a, const struct announce_tracker *t);

#endif
