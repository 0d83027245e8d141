/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An allowance limits how much of a resource a peer or site may use: |most| at once, and |rate| per
 * second in the long run. Unlike a rate bucket (rate.h), an allowance never delays a use: a use
 * that does not fit is refused. The caller passes the terms each time, so that they may change.
 */
#ifndef PEER_CORE_ALLOWANCE_H
#define PEER_CORE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

struct allowance_terms {
    uint64_t rate; /* per second; not 0 */
    uint64_t most;
};

/* Embedded; starts as all zero, with nothing used. Private. */
struct allowance {
    uint64_t used;
    struct mono at; /* when |used| was last updated */
};

/* Whether |amount| may be used now. An amount larger than |most| fits when nothing else is used. */
bool allowance_fits(struct allowance *a, uint64_t amount, struct allowance_terms terms,
                    struct mono now);

/* Uses |amount|, whether or not it fits. */
void allowance_charge(struct allowance *a, uint64_t amount);

/* Uses |amount| if it fits; false, without a change, if not. */
static inline bool
allowance_take(struct allowance *a, uint64_t amount, struct allowance_terms terms, struct mono now)
{
    if (!allowance_fits(a, amount, terms, now))
        return false;
    allowance_charge(a, amount);
    return true;
}

#endif
