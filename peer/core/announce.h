/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The schedule of announces: which tracker is asked when, and with which event. The announcer
 * implements tiers (BEP 12), intervals, retries with backoff, and "started", "completed" and
 * "stopped"; for a hybrid it announces both hashes (BEP 52). It treats URLs as strings and sends
 * nothing itself.
 *
 * Announces go in rounds. A round walks the trackers in the order of BEP 12 (tier by tier, and
 * within a tier the tracker that answered last first) and stops at the first tracker that takes the
 * announce and names peers. The next round begins at the first tier again. A round asks more
 * trackers than BEP 12 says in three cases, each of which kept users waiting for minutes:
 * - A tracker that has not answered within ANNOUNCE_SLOW_S does not hold up the round: the next
 *   tracker is asked beside it. The late answer still counts when it comes.
 * - A tracker that answers but names no peer except us does not end the round while we lack peers,
 *   nor while a later tracker is known to have peers. It still counts as working.
 * - A torrent without any connection although the last round named peers asks every tier in the
 *   next early round, since the named peers may be unreachable.
 * A tracker is never asked before its interval is over (its minimum interval while we lack peers),
 * except with "started", "completed" and "stopped". When a round stops at an earlier tracker, the
 * later ones are not asked.
 *
 * A private torrent announces to one tracker at a time (BEP 27): the first that takes an announce
 * stays until it has failed three times in a row. Then the others are asked in the order of BEP 12,
 * each after the one before has answered or failed. When another one takes an announce, the earlier
 * one gets "stopped", and the torrent has to leave all peers, whose tracker announcer_origin() is.
 * Trackers with one host name are the same tracker in that respect.
 */
#ifndef PEER_CORE_ANNOUNCE_H
#define PEER_CORE_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"
#include "common/base/rng.h"
#include "common/codec/metainfo.h"

enum {
    ANNOUNCE_INTERVAL_DEFAULT_S = 1800,
    ANNOUNCE_INTERVAL_MIN_S = 30, /* smallest interval; a tracker that names a smaller one is
                                     asked every 30 s */
    ANNOUNCE_INTERVAL_MAX_S = 86400,
    ANNOUNCE_RETRY_MIN_S = 5, /* first delay after a failure; doubles with each further one */
    ANNOUNCE_RETRY_MAX_S = 1800,
    ANNOUNCE_SLOW_S = 5,        /* a tracker that has not answered for this long is slow: the next
                                   one is asked beside it */
    ANNOUNCE_WANT_MORE_S = 60,  /* a leecher with few peers announces again after this time, if the
                                   tracker allows it; doubles each time */
    ANNOUNCE_ALONE_S = 30,      /* the same for a torrent without any connection */
    ANNOUNCE_ALONE_MAX_S = 120, /* the largest such delay of a leecher in the first
                                   ANNOUNCE_ALONE_LONG_S without a connection */
    ANNOUNCE_ALONE_LONG_S = 3600,
    ANNOUNCE_CALM_S = 300, /* after this time without a lack of peers, the doubling starts again */
    ANNOUNCE_MESSAGE_MAX = 200,
    ANNOUNCE_HASHES_MAX = 2, /* hashes of a hybrid */
};

enum announce_event { ANNOUNCE_NONE, ANNOUNCE_STARTED, ANNOUNCE_COMPLETED, ANNOUNCE_STOPPED };

/* How urgently the torrent needs peers. */
enum announce_lack {
    ANNOUNCE_LACK_NONE,
    ANNOUNCE_LACK_SEED_ALONE, /* a seed without any connection */
    ANNOUNCE_LACK_FEW,        /* pieces are wanted, and few addresses are known */
    ANNOUNCE_LACK_ALONE,      /* pieces are wanted, and no peer is connected */
};

struct announce_job {
    uint32_t id;     /* stable: one per tracker and hash */
    const char *url; /* owned by the announcer */
    bool v2;         /* announce the truncated v2 hash instead of the v1 hash */
    enum announce_event event;
};

struct announce_result {
    int err;                 /* 0, or why the announce failed */
    const char *message;     /* the tracker's failure reason or warning; NULL */
    uint32_t interval_s;     /* 0: absent */
    uint32_t min_interval_s; /* 0: absent */
    int64_t retry_in_s;      /* "retry in" (BEP 31): 0 absent, -1 never */
    uint32_t seeders, leechers;
    uint32_t peers; /* addresses in the answer */
};

/* The state of one hash at one tracker. */
struct announce_hash_status {
    bool v2;
    bool working;
    int err;
    uint32_t seeders, leechers;
};

/* One tracker, with both hashes of a hybrid merged. */
struct announce_status {
    const char *url;
    unsigned tier;     /* counted from 0 */
    bool unsupported;  /* Sprat does not support the URL's scheme: |message| says so, and the
                          tracker is never asked. */
    bool asked;        /* false: no announce has reached this tracker yet, since earlier ones
                          were enough */
    bool asking;       /* a request is under way */
    bool slow;         /* the request has been under way for ANNOUNCE_SLOW_S: |message| says so */
    bool working;      /* the last announce of at least one hash succeeded */
    int err;           /* error of the last try; 0 if it succeeded for one of the hashes; TIMEOUT
                          while slow */
    unsigned failures; /* in a row */
    char message[ANNOUNCE_MESSAGE_MAX + 1]; /* a sentence: why the announce failed, or the
                                               tracker's warning; "" */
    uint32_t seeders, leechers;             /* the larger number of the two hashes */
    uint32_t peers;                         /* addresses in the last answers */
    struct mono next; /* when the next announce is due; MONO_NEVER: not known yet, or never */
    unsigned hash_count;
    struct announce_hash_status hashes[ANNOUNCE_HASHES_MAX];
};

struct announcer;

/* The trackers of a torrent: |extra| URLs in a tier each, followed by |tiers|. */
struct announce_urls {
    const char *const *extra;
    size_t extra_count;
    const struct metainfo_tier *tiers;
    size_t tier_count;
    bool one; /* announce to one tracker at a time: the torrent is private, or may be */
};

/* Makes an announcer for the torrent |id|. The order within each tier is random. Leaves out
 * duplicate URLs; lists URLs that are neither http, https nor udp, but never asks them. Reads |id|
 * and |urls| during the call only; |rng| must outlive the announcer. NULL when memory is out. */
struct announcer *announcer_new(const struct identity *id, const struct announce_urls *urls,
                                struct rng *rng);
void announcer_free(struct announcer *a);
/* Adds one |extra| URL: a new tier behind the earlier extra ones and before the torrent's own. A
 * running announcer asks the tracker at once with "started", unless an earlier tracker is enough.
 * Returns 1 if the URL was added, 0 for a duplicate, or SPRAT_E_NOMEM. Copies |url|. */
int announcer_add(struct announcer *a, const char *url, struct mono now);
/* Replaces the random generator when the announcer changes its owner; |rng| must outlive it. */
void announcer_use(struct announcer *a, struct rng *rng);

/* announcer_start() begins with "started" at |now|; announcer_stop() announces "stopped" once to
 * every tracker that received "started". Each has no effect when repeated. The delay after a
 * failure grows each time, unless the tracker names one (BEP 31). */
void announcer_start(struct announcer *a, struct mono now);
void announcer_stop(struct announcer *a, struct mono now);
/* The download has just finished: announces "completed" to the trackers that received "started"
 * before. Not for a torrent that was complete at the start. */
void announcer_completed(struct announcer *a, struct mono now);
/* Sets how urgently peers are needed: moves the next announce forward as far as the trackers allow,
 * or back again. A lack that comes and goes does not shorten the delays again before
 * ANNOUNCE_CALM_S without a lack. */
void announcer_lack(struct announcer *a, enum announce_lack lack, struct mono now);

/* Takes a job that is due; false if there is none. The job is under way until
 * announcer_on_result(). */
bool announcer_next(struct announcer *a, struct announce_job *job, struct mono now);

/* Job |id| is under way and stands in a queue of ours (|waits|), or has left it just now. The
 * tracker's time to answer begins then. */
void announcer_on_line(struct announcer *a, uint32_t id, bool waits, struct mono now);

/* Delivers the result of job |id|; |res| is not kept. Another job may be due at once. */
void announcer_on_result(struct announcer *a, uint32_t id, const struct announce_result *res,
                         struct mono now);

/* Announces to one tracker at a time from now on: a torrent turned out to be private. False:
 * trackers of several names have answered before, so that the known peers are of more than one. */
bool announcer_limit(struct announcer *a, struct mono now);
/* Whether it announces to one tracker at a time. */
bool announcer_is_limited(const struct announcer *a);
/* The tracker, as a number for its name, whose peers a torrent with one tracker at a time may have;
 * 0 while none has answered, and if all trackers are used. */
uint64_t announcer_origin(const struct announcer *a);
/* Whether announcer_origin() may become another one. */
bool announcer_may_switch(const struct announcer *a);
/* After announcer_on_result(): whether the peers in the result of job |id| may be used. */
bool announcer_uses(const struct announcer *a, uint32_t id);

struct mono announcer_expiry(const struct announcer *a);

/* True if the announcer is not started, or is stopped, and no job is due or under way. */
bool announcer_idle(const struct announcer *a);

/* The number of trackers. Their numbers begin at 0, in the order of tiers; those of announcer_add()
 * last. */
uint32_t announcer_count(const struct announcer *a);
/* The tracker that job |id| belongs to. */
uint32_t announcer_tracker_of(const struct announcer *a, uint32_t id);
/* |tracker| < announcer_count(). |url| as in a job. */
void announcer_status(const struct announcer *a, uint32_t tracker, struct announce_status *st,
                      struct mono now);

#endif
