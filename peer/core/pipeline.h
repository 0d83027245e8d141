/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many blocks to keep requested from one peer: its bandwidth-delay product, found by slow start
 * and then followed, never a fixed number. Also when a request counts as overdue, and snubbing.
 *
 * The idea is that of BBR (Cardwell et al. 2016) on the scale of blocks: the best rate of the last
 * windows times the round trip without queues, and a little more, so that the peer always has work
 * and requests never wait long. The round trip is measured again now and then by asking for less
 * for a moment, because with a full pipe only the queue would be measured.
 */
#ifndef PEER_CORE_PIPELINE_H
#define PEER_CORE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

enum {
    PIPELINE_DEPTH_MIN = 2,
    PIPELINE_DEPTH_START = 8,
    PIPELINE_DEPTH_MAX = 4096,        /* also bound by the peer's reqq */
    PIPELINE_REQQ_DEFAULT = 250,      /* for a peer that did not tell its reqq */
    PIPELINE_QUEUE_MIN_MS = 25,       /* work kept queued at the peer beyond the round trip; */
    PIPELINE_QUEUE_MAX_MS = 500,      /* one more round trip, but within these */
    PIPELINE_WINDOW_MS = 100,         /* a rate is measured over one round trip, at least so long */
    PIPELINE_WINDOWS = 6,             /* the best rate of so many windows counts */
    PIPELINE_PROBE_MS = 10000,        /* the round trip is measured again when that old */
    PIPELINE_IDLE_MS = 10000,         /* after such a break it starts slowly again */
    PIPELINE_SNUB_MS = 30000,         /* nothing at all for this long while requests are out */
    PIPELINE_TIMEOUT_MIN_MS = 8000,   /* a request younger than that is never overdue */
    PIPELINE_TIMEOUT_MAX_MS = 120000, /* an older one always is */
};

/* The round trip of requests. */
struct pipeline_rtt {
    int64_t min_us; /* from request to block without a queue; 0 before the first */
    int64_t us;     /* smoothed, with queues (RFC 6298) */
    int64_t var_us;
    struct mono min_at;   /* when |min_us| was measured */
    struct mono probe_at; /* requests from then on tell the new |min_us|; MONO_NEVER: no probe */
    int64_t probe_min_us;
    uint32_t probe_blocks;
};

/* The rate, by windows. */
struct pipeline_flow {
    uint64_t best[PIPELINE_WINDOWS]; /* bytes/s, a ring */
    uint32_t windows;                /* ever closed */
    bool open;                       /* a window is open */
    struct mono window_at;
    uint64_t window_bytes;
    uint32_t window_blocks;
};

/* Embedded; private. */
struct pipeline {
    uint32_t depth;
    uint32_t reqq;
    bool slow_start;
    bool snubbed;
    uint32_t flat;          /* slow start: windows since the rate last grew by a quarter */
    uint64_t flat_rate;     /* the rate that it must beat */
    struct mono last_block; /* or when it became busy, if that is later */
    struct pipeline_rtt rtt;
    struct pipeline_flow flow;
};

void pipeline_init(struct pipeline *p, struct mono now);

/* The peer queues at most |reqq| requests (BEP 10); 0 counts as 1. */
void pipeline_set_reqq(struct pipeline *p, uint32_t reqq);

/* A request goes out while no other is. */
void pipeline_on_busy(struct pipeline *p, struct mono now);

/* |len| bytes came for a request that was sent at |asked|. */
void pipeline_on_block(struct pipeline *p, uint32_t len, struct mono asked, struct mono now);

/* Looks at the clock; true if the peer became snubbed just now. Call about once a second while
 * requests are out. */
bool pipeline_tick(struct pipeline *p, struct mono now);

/* Requests to have in flight now: 1 while snubbed. It can fall below what is in flight; then ask
 * for nothing until enough blocks came. */
uint32_t pipeline_depth(const struct pipeline *p);

/* The peer's rate in bytes/s as the depth reckons with it; 0 before it is known. */
uint64_t pipeline_rate(const struct pipeline *p);

/* Age at which a request is overdue, in microseconds. */
int64_t pipeline_timeout_us(const struct pipeline *p);

#endif
