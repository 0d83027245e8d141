/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A message can't wait for a limit, so overhead is charged when it has passed, and blocks wait for
 * it afterwards.
 */
#include "peer/core/swarm_overhead.h"

void
overhead_on_received(struct swarm *s, uint32_t bytes)
{
    s->totals.down_overhead += bytes;
    rate_tap_overhead(&s->download.tap, bytes, s->clock.now);
}

void
overhead_on_sent(struct swarm *s, uint32_t bytes)
{
    s->totals.up_overhead += bytes;
    rate_tap_overhead(&s->upload.tap, bytes, s->clock.now);
}
