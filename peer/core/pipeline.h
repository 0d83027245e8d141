/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The request pipeline of one peer: how many blocks to keep requested, when a request is overdue,
 * and when the peer is snubbed. The depth is the bandwidth-delay product: slow start finds it, and
 * then it follows the measured rate; it is never a fixed number.
 *
 * The method is that of BBR (Cardwell et al. 2016) on the scale of blocks: the best rate of the
 * last windows times the round trip without queues, and a little more, so that the peer always has
 * work and requests never wait long. From time to time the pipeline requests less for a moment and
 * measures the round trip again, because with a full pipe it would measure only the queue.
 */
#ifndef PEER_CORE_PIPELINE_H
#define PEER_CORE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

enum {
    PIPELINE_DEPTH_MIN = 2,
    PIPELINE_DEPTH_START = 8,
    PIPELINE_DEPTH_MAX = 4096,      /* deepest pipeline; the peer's reqq also bounds it */
    PIPELINE_REQQ_DEFAULT = 250,    /* for a peer that named no reqq */
    PIPELINE_QUEUE_MIN_MS = 25,     /* bounds of the time for which requests queue at the peer: */
    PIPELINE_QUEUE_MAX_MS = 500,    /* one round trip, but at least MIN and at most MAX */
    PIPELINE_WINDOW_MS = 100,       /* shortest window of a rate; else a window is a round trip */
    PIPELINE_WINDOWS = 6,           /* windows of which the best rate counts */
    PIPELINE_PROBE_MS = 10000,      /* age at which the round trip is measured again */
    PIPELINE_IDLE_MS = 10000,       /* after this time without requests, slow start begins again */
    PIPELINE_SNUB_MS = 30000,       /* a peer with open requests that sends no block for this
                                       long is snubbed */
    PIPELINE_TIMEOUT_MIN_MS = 8000, /* a younger request is never overdue */
    PIPELINE_TIMEOUT_MAX_MS = 120000, /* an older request always is overdue */
};

/* The round trip of requests. */
struct pipeline_rtt {
    int64_t min_us; /* shortest time from request to block without a queue; 0 before the first */
    int64_t us;     /* smoothed, with queues (RFC 6298) */
    int64_t var_us;
    struct mono min_at;   /* when |min_us| was measured */
    struct mono probe_at; /* requests from then on measure the new |min_us|; MONO_NEVER: no
                             measurement is under way */
    int64_t probe_min_us;
    uint32_t probe_blocks;
};

/* The rate, measured in windows. */
struct pipeline_flow {
    uint64_t best[PIPELINE_WINDOWS]; /* bytes/s, a ring */
    uint32_t windows;                /* number of windows that were completed */
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
    uint64_t flat_rate;     /* the rate of which that quarter is measured */
    struct mono last_block; /* or when the pipeline became busy, if that is later */
    struct pipeline_rtt rtt;
    struct pipeline_flow flow;
};

void pipeline_init(struct pipeline *p, struct mono now);

/* The peer queues at most |reqq| requests (BEP 10); 0 counts as 1. */
void pipeline_set_reqq(struct pipeline *p, uint32_t reqq);

/* The first request goes out while no other is open. */
void pipeline_on_busy(struct pipeline *p, struct mono now);

/* A block of |len| bytes came; its request was sent at |asked|. */
void pipeline_on_block(struct pipeline *p, uint32_t len, struct mono asked, struct mono now);

/* Checks the time; true if the peer became snubbed in this call. To be called about once a second
 * while requests are open. */
bool pipeline_tick(struct pipeline *p, struct mono now);

/* The number of requests to keep in flight: 1 while snubbed. If it falls below the number in
 * flight, make no request until enough blocks came. */
uint32_t pipeline_depth(const struct pipeline *p);

/* The peer's rate in bytes/s on which the depth depends; 0 before it is known. */
uint64_t pipeline_rate(const struct pipeline *p);

/* The age at which a request is overdue, in microseconds. */
int64_t pipeline_timeout_us(const struct pipeline *p);

#endif
