/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bin's number is the position of the value's highest bit and the five bits below it.
 */
#include "bench/load/latency.h"

static unsigned
bin_of(uint64_t v)
{
    unsigned high;

    if (v < LATENCY_STEPS)
        return (unsigned)v;
    high = 63 - (unsigned)__builtin_clzll(v);
    return (high - 4) * LATENCY_STEPS + (unsigned)((v >> (high - 5)) & (LATENCY_STEPS - 1));
}

static double
value_of(unsigned bin)
{
    unsigned high = bin / LATENCY_STEPS + 4;

    if (bin < LATENCY_STEPS)
        return bin;
    return (double)(LATENCY_STEPS + bin % LATENCY_STEPS) * (double)(UINT64_C(1) << (high - 5));
}

void
latency_add(struct latency *l, int64_t us)
{
    l->bins[bin_of(us > 0 ? (uint64_t)us : 0)]++;
    l->count++;
}

double
latency_at(const struct latency *l, double share)
{
    uint64_t below = 0, wanted = (uint64_t)((double)l->count * share);

    for (unsigned bin = 0; bin < LATENCY_BINS; bin++) {
        below += l->bins[bin];
        if (below > wanted)
            return value_of(bin);
    }
    return 0;
}
