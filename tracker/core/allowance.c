/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A leaky bucket, stored as the time at which it will be empty.
 */
#include "tracker/core/allowance.h"

#include "common/base/minmax.h"

enum { MS = 1000 };

static int64_t
busy_ms(const struct allowance *a, int way, int64_t now_s)
{
    return max_i64(a->busy_ms[way], (now_s - ALLOWANCE_IDLE_S) * MS);
}

uint64_t
allowance_room(const struct allowance *a, int way, int64_t now_s, uint64_t rate)
{
    int64_t free_ms = (now_s + LEDGER_RESEND_S) * MS - busy_ms(a, way, now_s);
    uint64_t a_ms = rate / MS;

    if (free_ms <= 0)
        return 0;
    return a_ms > UINT64_MAX / (uint64_t)free_ms ? UINT64_MAX : a_ms * (uint64_t)free_ms;
}

void
allowance_use(struct allowance *a, int way, int64_t now_s, uint64_t rate, uint64_t bytes)
{
    if (bytes > 0)
        a->busy_ms[way] = busy_ms(a, way, now_s) + (int64_t)(bytes / max_u64(rate / MS, 1));
}
