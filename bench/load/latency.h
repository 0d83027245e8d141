/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A histogram of times: 64 powers of two with 32 steps each, so that a percentile is right within
 * three percent at any scale.
 */
#ifndef BENCH_LOAD_LATENCY_H
#define BENCH_LOAD_LATENCY_H

#include <stdint.h>

enum { LATENCY_STEPS = 32, LATENCY_BINS = 64 * LATENCY_STEPS };

/* Starts as all zero. */
struct latency {
    uint64_t bins[LATENCY_BINS];
    uint64_t count;
};

void latency_add(struct latency *l, int64_t us);

/* Returns the quantile |share| (0 to 1) of all latencies, in microseconds. */
double latency_at(const struct latency *l, double share);

#endif
