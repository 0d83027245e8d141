/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An allowance bounds what somebody may use of something: |most| at once, and |rate| a second in
 * the long run. Unlike a rate bucket (rate.h) it makes nobody wait: what does not fit is refused.
 * The terms are the caller's, so that one allowance may serve under terms that change.
 */
#ifndef PEER_CORE_ALLOWANCE_H
#define PEER_CORE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

struct allowance_terms {
    uint64_t rate; /* a second; not 0 */
    uint64_t most;
};

/* Embedded; starts as all zero, with nothing used. Private. */
struct allowance {
    uint64_t used;
    struct mono at; /* when |used| was last brought up to date */
};

/* Whether |amount| may be used now. A single use that is larger than |most| fits when nothing else
 * is used. */
bool allowance_fits(struct allowance *a, uint64_t amount, struct allowance_terms terms,
                    struct mono now);

/* Uses |amount|, whether it fits or not. */
void allowance_charge(struct allowance *a, uint64_t amount);

/* Uses |amount| if it fits; false, and nothing is used, if not. */
static inline bool
allowance_take(struct allowance *a, uint64_t amount, struct allowance_terms terms, struct mono now)
{
    if (!allowance_fits(a, amount, terms, now))
        return false;
    allowance_charge(a, amount);
    return true;
}

#endif
