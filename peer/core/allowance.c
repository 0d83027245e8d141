/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time matters only when an amount would not fit, so that most uses cost one addition.
 */
#include "peer/core/allowance.h"

enum { US_PER_S = 1000000 };

/* Subtracts from |used| what the time since the last update gives back. */
static void
refill(struct allowance *a, uint64_t rate, struct mono now)
{
    int64_t elapsed = mono_diff_us(now, a->at);
    uint64_t back;

    if (elapsed <= 0)
        return;
    /* After |used| / |rate| seconds |used| is 0. Before that, the product below is at most |used|
     * times US_PER_S, so it does not overflow. */
    if ((uint64_t)elapsed / US_PER_S > a->used / rate) {
        a->used = 0;
        a->at = now;
        return;
    }
    back = (uint64_t)elapsed * rate / US_PER_S;
    if (back == 0)
        return; /* keep |at|: the time adds up until it gives something back */
    a->used -= back < a->used ? back : a->used;
    a->at = now;
}

bool
allowance_fits(struct allowance *a, uint64_t amount, struct allowance_terms terms, struct mono now)
{
    if (a->used > 0 && amount > terms.most - (a->used < terms.most ? a->used : terms.most))
        refill(a, terms.rate, now);
    if (a->used == 0) {
        a->at = now;
        return true;
    }
    return a->used <= terms.most && amount <= terms.most - a->used;
}

void
allowance_charge(struct allowance *a, uint64_t amount)
{
    a->used = amount < UINT64_MAX - a->used ? a->used + amount : UINT64_MAX;
}
