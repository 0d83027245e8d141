/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An upload is the sign that somebody still fetches from us.
 */
#include "peer/cli/lingering.h"

void
lingering_begin(struct lingering *l, uint64_t uploaded, struct mono now)
{
    l->uploaded = uploaded;
    l->since = now;
}

bool
lingering_is_over(struct lingering *l, uint32_t wanting, uint64_t uploaded, struct mono now)
{
    if (uploaded != l->uploaded)
        lingering_begin(l, uploaded, now);
    return wanting == 0 || mono_diff_ms(now, l->since) >= (int64_t)l->seconds * 1000;
}
