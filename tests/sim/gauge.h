/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Watches how steadily bytes move: every window of GAUGE_WINDOW_US against the rate that is
 * expected, and the longest time without any.
 */
#ifndef TESTS_SIM_GAUGE_H
#define TESTS_SIM_GAUGE_H

#include "tests/sim/scenario.h"

enum {
    GAUGE_EVERY_US = 100000,
    GAUGE_SAMPLES = 100, /* of a window */
};

/* Starts as all zero. */
struct gauge {
    uint64_t ring[GAUGE_SAMPLES]; /* what had moved in all, at each look */
    uint32_t looks;
    uint64_t last;
    int64_t moved_us; /* when |last| changed */
};

/* |total| bytes moved up to |at_us|; called every GAUGE_EVERY_US. What is not as |want| says fails
 * the run; |whose| rate it is, is said there. */
void gauge_look(struct gauge *g, struct sim *s, const char *whose, const struct expect_rate *want,
                int64_t at_us, uint64_t total);

#endif
