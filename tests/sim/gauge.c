/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Windows overlap: one ends at each look.
 */
#include "tests/sim/gauge.h"

#include <inttypes.h>

static void
judge_window(struct sim *s, const char *whose, const struct expect_rate *want, int64_t at_us,
             uint64_t got)
{
    uint64_t ideal = (want->up > 0 ? want->up : want->down) * (GAUGE_SAMPLES / 10);
    uint64_t off = got > ideal ? got - ideal : ideal - got;

    if (off * 1000 > ideal * want->within)
        sim_fail(s, "%s moved %" PRIu64 " bytes in the 10 s before %" PRId64 " ms, not %" PRIu64,
                 whose, got, at_us / 1000, ideal);
}

void
gauge_look(struct gauge *g, struct sim *s, const char *whose, const struct expect_rate *want,
           int64_t at_us, struct gauge_moved moved)
{
    uint64_t *slot = &g->ring[g->looks % GAUGE_SAMPLES];

    if (at_us < want->from_us || at_us > want->until_us)
        return;
    if (g->looks == 0 || moved.payload != g->last)
        g->moved_us = at_us;
    else if (want->gap_us > 0 && at_us - g->moved_us > want->gap_us)
        sim_fail(s, "%s moved nothing in the %" PRId64 " ms before %" PRId64 " ms", whose,
                 (at_us - g->moved_us) / 1000, at_us / 1000);
    if (g->looks >= GAUGE_SAMPLES)
        judge_window(s, whose, want, at_us, moved.total - *slot);
    *slot = moved.total;
    g->last = moved.payload;
    g->looks++;
}
