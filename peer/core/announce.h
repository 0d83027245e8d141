/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The schedule of announces: which tracker is asked when, and with which event. It implements tiers
 * (BEP 12), intervals, retries with backoff, and "started", "completed" and "stopped"; a hybrid
 * announces both of its hashes (BEP 52). It knows URLs as strings only and sends nothing itself.
 *
 * Announces go in rounds. A round walks the trackers in the order of BEP 12 (tier by tier, and
 * within a tier whoever answered last first) and stops at the first tracker that takes the announce
 * and names peers. The next round begins at the first tier again. In three points a round asks more
 * trackers than BEP 12 says, since each of these points kept people waiting for minutes:
 *  - A tracker that has not answered within ANNOUNCE_SLOW_S does not hold the round: the next
 *    tracker is asked beside it. The late answer still counts when it comes.
 *  - A tracker that answers but names nobody except us does not end the round while we lack peers,
 *    nor while a later tracker is known to have peers. It still counts as working.
 *  - Whoever has no connection at all although the last round named peers asks every tier in the
 *    next early round: the named peers may be unreachable.
 * A tracker is never asked before its interval is over, or its minimum interval where we lack
 * peers; "started", "completed" and "stopped" excepted. When a round stops at an earlier tracker,
 * later ones are asked no more.
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
    ANNOUNCE_INTERVAL_MIN_S = 30, /* a tracker that says less is asked every 30 s */
    ANNOUNCE_INTERVAL_MAX_S = 86400,
    ANNOUNCE_RETRY_MIN_S = 5, /* after a failure; doubles */
    ANNOUNCE_RETRY_MAX_S = 1800,
    ANNOUNCE_SLOW_S = 5,        /* without an answer: the next tracker is asked beside this one */
    ANNOUNCE_WANT_MORE_S = 60,  /* a leecher with few peers asks again that soon, if allowed;
                                   doubles while it goes on */
    ANNOUNCE_ALONE_S = 30,      /* the same for a torrent without any connection */
    ANNOUNCE_ALONE_MAX_S = 120, /* a leecher's doubling stops there for the first
                                   ANNOUNCE_ALONE_LONG_S of being alone */
    ANNOUNCE_ALONE_LONG_S = 3600,
    ANNOUNCE_CALM_S = 300, /* without a lack of peers: the doubling begins anew */
    ANNOUNCE_MESSAGE_MAX = 200,
    ANNOUNCE_HASHES_MAX = 2, /* of a hybrid */
};

enum announce_event { ANNOUNCE_NONE, ANNOUNCE_STARTED, ANNOUNCE_COMPLETED, ANNOUNCE_STOPPED };

/* How badly peers are missing. */
enum announce_lack {
    ANNOUNCE_LACK_NONE,
    ANNOUNCE_LACK_SEED_ALONE, /* nothing is wanted, and nobody is connected */
    ANNOUNCE_LACK_FEW,        /* something is wanted, and few addresses are known */
    ANNOUNCE_LACK_ALONE,      /* something is wanted, and nobody is connected */
};

struct announce_job {
    uint32_t id;     /* stable: one per tracker and hash */
    const char *url; /* owned by the announcer */
    bool v2;         /* announce the truncated v2 hash, not v1 */
    enum announce_event event;
};

struct announce_result {
    int err;                 /* 0, or why it failed */
    const char *message;     /* failure reason or warning; NULL */
    uint32_t interval_s;     /* 0: absent */
    uint32_t min_interval_s; /* 0: absent */
    int64_t retry_in_s;      /* BEP 31: 0 absent, -1 never */
    uint32_t seeders, leechers;
    uint32_t peers; /* addresses it gave */
};

/* What one tracker said of one hash. */
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
    bool unsupported;  /* Sprat cannot speak this scheme: |message| says so; it is never asked */
    bool asked;        /* it was asked at least once: otherwise, trackers before it were enough */
    bool asking;       /* a request is under way */
    bool slow;         /* ... and has been for ANNOUNCE_SLOW_S: |message| says so */
    bool working;      /* the last answer for one of the hashes was good */
    int err;           /* of the last try, 0 if it worked for one of the hashes;
                          TIMEOUT while slow */
    unsigned failures; /* in a row */
    char message[ANNOUNCE_MESSAGE_MAX + 1]; /* a sentence: why it fails, or its warning; "" */
    uint32_t seeders, leechers;             /* the larger number of the two hashes */
    uint32_t peers;                         /* addresses in its last answers */
    struct mono next; /* when it is asked next; MONO_NEVER: not known yet, or never */
    unsigned hash_count;
    struct announce_hash_status hashes[ANNOUNCE_HASHES_MAX];
};

struct announcer;

/* The trackers of a torrent: |extra| URLs, a tier each, and then |tiers|. */
struct announce_urls {
    const char *const *extra;
    size_t extra_count;
    const struct metainfo_tier *tiers;
    size_t tier_count;
};

/* Announces the torrent |id|. The trackers of each tier are asked in random order. A URL that is in
 * already is left out; one that is neither http, https nor udp is listed, but never asked. |id| and
 * |urls| are read during the call only; |rng| must outlive the announcer. NULL when memory is out.
 */
struct announcer *announcer_new(const struct identity *id, const struct announce_urls *urls,
                                struct rng *rng);
void announcer_free(struct announcer *a);
/* Adds one more |extra| URL: a new tier behind the earlier extra ones and before the torrent's own.
 * An announcer that runs asks it at once, with "started", unless a tracker before it is enough. 1
 * if it was added, 0 if the URL is in already, SPRAT_E_NOMEM. |url| is copied. */
int announcer_add(struct announcer *a, const char *url, struct mono now);
/* From now on it takes its chances from |rng|, which outlives it:
 * for one that gets another owner. */
void announcer_use(struct announcer *a, struct rng *rng);

/* Begins with "started" at |now|; or says "stopped", once, to every tracker that heard "started".
 * May be called in turn; each is without effect when called again. A tracker that fails is left
 * alone for longer each time, or as long as it asks for (BEP 31). */
void announcer_start(struct announcer *a, struct mono now);
void announcer_stop(struct announcer *a, struct mono now);
/* The download finished just now: "completed" goes to those that heard "started" before. Not to be
 * called for what was complete at the start. */
void announcer_completed(struct announcer *a, struct mono now);
/* How badly peers are missing: pulls the next announce forward as far as the trackers allow, or
 * lets it go back. A lack that comes and goes does not make the waits short again: that takes
 * ANNOUNCE_CALM_S without one. */
void announcer_lack(struct announcer *a, enum announce_lack lack, struct mono now);

/* A job that is due: false if there is none. It is under way until announcer_on_result(). */
bool announcer_next(struct announcer *a, struct announce_job *job, struct mono now);

/* What came of job |id|; |res| is not kept. May make another job due at once. */
void announcer_on_result(struct announcer *a, uint32_t id, const struct announce_result *res,
                         struct mono now);

struct mono announcer_expiry(const struct announcer *a);

/* True when it does not run, as at first or after announcer_stop(), and nothing is due or under
 * way. */
bool announcer_idle(const struct announcer *a);

/* Trackers are numbered from 0, in the order of their tiers, and those of announcer_add() last. */
uint32_t announcer_count(const struct announcer *a);
/* The tracker that job |id| belongs to. */
uint32_t announcer_tracker_of(const struct announcer *a, uint32_t id);
/* |tracker| < announcer_count(). |url| as in a job. */
void announcer_status(const struct announcer *a, uint32_t tracker, struct announce_status *st,
                      struct mono now);

#endif
