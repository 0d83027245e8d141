/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How often one user of a private tracker may announce, from all addresses together: so many times
 * a minute after a burst of as many. The rate limit of an address (throttle.h) does not hold a
 * member who has many addresses. Takes 8 bytes per user, and no search: the ids of users are given
 * out one after the other.
 */
#ifndef TRACKER_CORE_USERRATE_H
#define TRACKER_CORE_USERRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

enum { USERRATE_USERS_MAX = 1 << 20 }; /* users beyond share the limits of others */

/* Embedded; private but for |per_minute|, which may be changed. */
struct userrate {
    int64_t *free_us; /* of each user: when all announces are paid for (as in throttle.h) */
    uint32_t size, stride;
    uint32_t per_minute; /* 0: no limit */
};

/* For users whose ids are |stride| apart. */
void userrate_init(struct userrate *u, uint32_t stride, uint32_t per_minute);
void userrate_fini(struct userrate *u);

/* Whether an announce by |user| is within the limit; if it is, it counts. True where there is no
 * memory to count. */
bool userrate_allow(struct userrate *u, uint32_t user, struct mono now);

#endif
