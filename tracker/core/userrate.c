/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A generic cell rate algorithm for each user, in an array that grows with the highest id.
 */
#include "tracker/core/userrate.h"

#include <stdlib.h>
#include <string.h>

enum { MINUTE_US = 60000000, SIZE_MIN = 64 };

void
userrate_init(struct userrate *u, uint32_t stride, uint32_t per_minute)
{
    *u = (struct userrate){.stride = stride, .per_minute = per_minute};
}

void
userrate_fini(struct userrate *u)
{
    free(u->free_us);
}

/* Room for |index|. */
static bool
grow(struct userrate *u, uint32_t index)
{
    uint32_t size = u->size > 0 ? u->size : SIZE_MIN;
    int64_t *grown;

    while (size <= index)
        size *= 2;
    if (size == u->size)
        return true;
    grown = realloc(u->free_us, size * sizeof(*grown));
    if (grown == NULL)
        return false;
    memset(grown + u->size, 0, (size - u->size) * sizeof(*grown));
    u->free_us = grown;
    u->size = size;
    return true;
}

bool
userrate_allow(struct userrate *u, uint32_t user, struct mono now)
{
    uint32_t index = user / u->stride % USERRATE_USERS_MAX;
    int64_t price_us, paid_us;

    if (u->per_minute == 0 || !grow(u, index))
        return true;
    price_us = MINUTE_US / (int64_t)u->per_minute;
    paid_us = u->free_us[index] > now.us ? u->free_us[index] : now.us;
    if (paid_us - now.us > MINUTE_US - price_us)
        return false;
    u->free_us[index] = paid_us + price_us;
    return true;
}
