/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Doubling, and a half by chance.
 */
#include "common/base/backoff.h"

uint32_t
backoff_next(struct backoff *b, uint32_t min_ms, uint32_t max_ms, struct rng *rng)
{
    if (b->ms == 0)
        b->ms = min_ms;
    else
        b->ms = b->ms < max_ms / 2 ? b->ms * 2 : max_ms;
    return b->ms / 2 + rng_below(rng, b->ms / 2 + 1);
}

void
backoff_reset(struct backoff *b)
{
    b->ms = 0;
}
