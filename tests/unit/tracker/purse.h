/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A rate limit for tests of the services (tracker/core/doors.h): it admits requests until their
 * costs amount to a budget.
 */
#ifndef TESTS_UNIT_TRACKER_PURSE_H
#define TESTS_UNIT_TRACKER_PURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"

/* |paid|: the sum of the costs since the test set it to 0. */
static uint32_t paid, budget;

/* The may_ask() of the doors. */
static bool
pay(void *ctx, const struct endpoint *from, uint32_t cost, struct mono now)
{
    (void)ctx, (void)from, (void)now;
    if (cost > budget - paid)
        return false;
    paid += cost;
    return true;
}

#endif
