/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Limits the announces of one user of a private tracker from all addresses together: a number per
 * minute, after a burst of the same number. The limit by address (throttle.h) does not restrict a
 * user who has many addresses. The table takes 8 bytes per user, and is indexed by user ids, which
 * are consecutive.
 */
#ifndef TRACKER_CORE_USERRATE_H
#define TRACKER_CORE_USERRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

enum { USERRATE_USERS_MAX = 1 << 20 }; /* users with higher ids share the entries of others */

/* Embedded; private except |per_minute|, which may be changed. */
struct userrate {
    int64_t *free_us; /* theoretical arrival time of each user (see throttle.h) */
    uint32_t size, stride;
    uint32_t per_minute; /* 0: no limit */
};

/* For users whose ids are |stride| apart. */
void userrate_init(struct userrate *u, uint32_t stride, uint32_t per_minute);
void userrate_fini(struct userrate *u);

/* Whether an announce by |user| is within the limit; if it is, it is counted. True when there is no
 * memory to count. */
bool userrate_allow(struct userrate *u, uint32_t user, struct mono now);

#endif
