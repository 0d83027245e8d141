/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The announcer's private state, shared by announce.c, which decides, announce_one.c, which chooses
 * the one tracker of a private torrent, and announce_status.c, which describes the state to users.
 */
#ifndef PEER_CORE_ANNOUNCE_IMPL_H
#define PEER_CORE_ANNOUNCE_IMPL_H

#include "peer/core/announce.h"

/* The state of one hash at one tracker. */
struct announce_hash {
    enum announce_event event; /* the event of the request under way */
    bool flying;
    bool waits;     /* flying, and not sent yet */
    bool asked;     /* at least one announce was sent */
    bool heard;     /* the tracker has received "started" and no "stopped" */
    bool completed; /* "completed" is still to be announced */
    bool leaving;   /* another tracker has taken over: "stopped" is still to be announced */
    bool never;     /* the tracker said "retry in: never" (BEP 31) */
    bool working;   /* the last announce succeeded */
    unsigned failures;
    uint64_t round; /* the last round in which an announce was sent */
    struct mono asked_at;
    struct mono retry_at;
    int err;
    char *message; /* at most ANNOUNCE_MESSAGE_MAX bytes; NULL for most: none */
    uint32_t seeders, leechers, peers;
};

struct announce_tracker {
    char *url;
    unsigned tier;
    bool unsupported;
    /* The last good answer, for any of the hashes, and its intervals, limited to the range that
     * announce.h allows. */
    struct mono answered_at;
    uint64_t answered_round;
    uint32_t interval_s, min_interval_s;
    bool nobody;        /* the tracker named no peer except us */
    uint64_t due_round; /* the last round in which it was due */
    uint64_t used;      /* the last round that ended because of this tracker */
    struct announce_hash hashes[ANNOUNCE_HASHES_MAX];
};

#define ANNOUNCE_NO_TRACKER UINT32_MAX

enum announcer_state { ANNOUNCER_STOPPED, ANNOUNCER_RUNNING };

struct announcer {
    struct rng *rng;
    struct announce_tracker *trackers; /* a job's id is an index here times hashes, plus the hash's
                                          index */
    uint32_t *order;                   /* indices of trackers: by tier, the best of each tier
                                          first */
    uint32_t count, room; /* number of trackers, and capacity of |trackers| and |order| */
    unsigned extra_tiers; /* number of tiers before the torrent's own */
    uint32_t hashes;
    bool v2[ANNOUNCE_HASHES_MAX]; /* hash i is the v2 hash */
    bool one;                     /* announce to one tracker at a time (BEP 27) */
    uint32_t current; /* with |one|: that tracker, the last one that took an announce; or
                         ANNOUNCE_NO_TRACKER */
    enum announcer_state state;
    uint64_t round; /* number of the present round */
    bool early;     /* the round began before an interval was over, because peers are lacking */
    bool walking;   /* the round is under way, at order[at]: */
    uint32_t at;
    bool at_due;           /* that tracker has to be asked now */
    struct mono at_slow;   /* otherwise: when that tracker counts as slow */
    bool enough;           /* the last round ended at a tracker that named peers */
    struct mono round_at;  /* when the next round begins */
    enum announce_lack lack;
    struct mono lack_since;  /* when the lack took its present value; no early round begins
                                before */
    struct mono alone_since; /* when ANNOUNCE_LACK_ALONE of a leecher began */
    unsigned early_rounds; /* early rounds in a row */
    bool quiet;            /* no job is due before |quiet_until|, which is the expiry */
    struct mono quiet_until;
};

/* When the tracker is due in a round; MONO_NEVER if none of its hashes may be announced. */
struct mono announcer_due_at(const struct announcer *a, const struct announce_tracker *t);

/* announce_one.c: with |a->one|, whether the current tracker stays, so that no other one is asked.
 */
bool announce_one_stays(const struct announcer *a);
/* With |a->one|, the only tracker that may be asked now: the one that is being asked (before a
 * pause, perhaps), or else the one that stays. ANNOUNCE_NO_TRACKER: any. */
uint32_t announce_one_only(const struct announcer *a);
/* |tracker| has taken an announce. With |a->one|, it becomes the current one, and the others are
 * left; or it is left, if the current one stays. */
void announce_one_take(struct announcer *a, uint32_t tracker, struct mono now);

#endif
