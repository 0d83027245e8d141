/* SPDX-License-Identifier: BSD-2-Clause
 *
 * When to announce, to whom, and with which event: tiers of trackers (BEP 12), intervals, retries
 * with backoff, started, completed and stopped. A hybrid announces both of its hashes (BEP 52). It
 * knows URLs as strings only; who sends the request, and over what, is not its business.
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
    ANNOUNCE_WANT_MORE_S = 60, /* a leecher with few peers asks again that soon, if allowed;
                                  doubles while it goes on */
    ANNOUNCE_MESSAGE_MAX = 200,
};

enum announce_event { ANNOUNCE_NONE, ANNOUNCE_STARTED, ANNOUNCE_COMPLETED, ANNOUNCE_STOPPED };

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

struct announce_status {
    const char *url;
    bool v2;
    unsigned tier;
    bool working;
    int err; /* of the last try */
    char message[ANNOUNCE_MESSAGE_MAX + 1];
    uint32_t seeders, leechers;
    struct mono next;
};

struct announcer;

/* |extra| URLs, a tier each, and then the trackers of |mi|, those of each tier in random order.
 * URLs that are neither http, https nor udp, or in already, are left out. |mi| and |extra| are read
 * during the call only; |rng| must outlive the announcer. NULL when memory is out. */
struct announcer *announcer_new(const struct metainfo *mi, const char *const *extra,
                                size_t extra_count, struct rng *rng);
void announcer_free(struct announcer *a);
/* From now on it takes its chances from |rng|, which outlives it: for one that gets another owner. */
void announcer_use(struct announcer *a, struct rng *rng);

/* Begins with "started" at |now|; or says "stopped", once, to every tracker that heard "started".
 * May be called in turn; each is without effect when called again. Trackers are tried tier by tier
 * until one takes an announce, with all of the torrent's hashes; the next time from the first tier
 * again (BEP 12). A tracker that fails is left alone for longer each time, or as long as it asks
 * for (BEP 31). */
void announcer_start(struct announcer *a, struct mono now);
void announcer_stop(struct announcer *a, struct mono now);
/* The download finished just now: "completed" goes to those that heard "started" before. Not to be
 * called for what was complete at the start. */
void announcer_completed(struct announcer *a, struct mono now);
/* More peers are wanted (or not): pulls the next announce forward as far as the trackers allow. */
void announcer_want_peers(struct announcer *a, bool want, struct mono now);

/* A job that is due: false if there is none. It is under way until announcer_on_result(). */
bool announcer_next(struct announcer *a, struct announce_job *job, struct mono now);

/* What came of job |id|; |res| is not kept. May make another job due at once. */
void announcer_on_result(struct announcer *a, uint32_t id, const struct announce_result *res,
                         struct mono now);

struct mono announcer_expiry(const struct announcer *a);

/* True when it does not run, as at first or after announcer_stop(), and nothing is due or under
 * way. */
bool announcer_idle(const struct announcer *a);

uint32_t announcer_count(const struct announcer *a);
/* |id| < announcer_count(). |next| is MONO_NEVER if it is not known yet. |url| as in a job. */
void announcer_status(const struct announcer *a, uint32_t id, struct announce_status *st);

#endif
