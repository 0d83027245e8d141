/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One direction of an emulated link: packets go in, and come out later, in another order, or never.
 * What happens to the k-th packet follows from the seed and k alone; only the queue's overflow
 * depends on when packets come. Knows no device and no clock: the time is an argument.
 */
#ifndef TESTS_NET_LANE_H
#define TESTS_NET_LANE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/mono.h"

enum {
    LANE_PACKET_MAX = 9000,   /* bytes */
    LANE_PACKETS_MAX = 65536, /* on their way; more are dropped as by a full queue */
};

struct lane_config {
    int64_t delay_us;
    int64_t hold_us;    /* how much later a packet comes that is overtaken */
    double loss;        /* share of packets, 0 to 1 */
    double reorder;     /* share of packets that are held */
    uint64_t rate;      /* bytes a second; 0: without limit */
    uint64_t queue_len; /* bytes that may wait for the line; of no effect without a rate */
};

struct lane_stats {
    uint64_t taken; /* packets that came in, all told */
    uint64_t lost;  /* by chance */
    uint64_t full;  /* dropped because the queue was full */
    uint64_t held;
    uint64_t given; /* packets that came out */
};

struct lane;

/* NULL when memory is out. */
struct lane *lane_new(const struct lane_config *c, uint64_t seed);
void lane_free(struct lane *l);

/* Takes a packet of at most LANE_PACKET_MAX bytes. When memory is out it counts as lost. */
void lane_put(struct lane *l, const void *data, size_t len, struct mono now);

/* When the next packet comes out; MONO_NEVER if none is on its way. */
struct mono lane_next(const struct lane *l);

/* Gives a packet that is due: its length, or 0 if none is. |dst| has LANE_PACKET_MAX bytes. */
size_t lane_take(struct lane *l, struct mono now, void *dst);

const struct lane_stats *lane_stats(const struct lane *l);

#endif
