/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Measures how steadily bytes move: compares the bytes of every window of GAUGE_WINDOW_US with the
 * expected rate, and the longest time without a byte with its maximum.
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
    uint64_t ring[GAUGE_SAMPLES]; /* total bytes at each call */
    uint32_t looks;
    uint64_t last;    /* payload */
    int64_t moved_us; /* when |last| changed */
};

struct gauge_moved {
    uint64_t payload; /* of blocks: these must not pause */
    uint64_t total;   /* with messages and headers: a limit is for all bytes */
};

/* Called every GAUGE_EVERY_US: |moved| bytes have moved up to |at_us|. Fails the run if that
 * differs from |want|; |whose|: the nodes, for the message. */
void gauge_look(struct gauge *g, struct sim *s, const char *whose, const struct expect_rate *want,
                int64_t at_us, struct gauge_moved moved);

#endif
