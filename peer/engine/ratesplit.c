/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Weighted max-min shares, and then only as much of each rise as is free.
 */
#include "peer/engine/ratesplit.h"

#include <stdbool.h>

#include "common/base/assert.h"
#include "common/base/minmax.h"

/* |a| × |b| / |c| for b ≤ c: rounded down, without an overflow for b and c below 2^32. */
static uint64_t
part(uint64_t a, uint64_t b, uint64_t c)
{
    return a / c * b + a % c * b / c;
}

struct want {
    uint64_t most;   /* bytes/s; UINT64_MAX: all there is */
    uint64_t weight; /* of those that wait */
    bool settled;
};

/* A quarter more than the use, so that rising demand shows as waiting users. */
static struct want
want_of(const struct rate_claim *c, uint64_t floor)
{
    struct want w = {.most = UINT64_MAX, .weight = 1};

    if (c->waiting > 0)
        w.weight = c->waiting;
    else if (c->used < UINT64_MAX / 2)
        w.most = c->used + c->used / 4 + floor;
    return w;
}

/* A bucket that needs less than its part gets its need; the remainder enlarges the parts of others.
 */
static bool
settle_one(struct want *wants, uint64_t *shares, uint32_t n, uint64_t *left, uint64_t *weights)
{
    for (uint32_t i = 0; i < n; i++) {
        if (wants[i].settled || wants[i].most > part(*left, wants[i].weight, *weights))
            continue;
        wants[i].settled = true;
        shares[i] = wants[i].most;
        *left -= wants[i].most;
        *weights -= wants[i].weight;
        return true;
    }
    return false;
}

/* What should be, in the end. */
static void
aim(uint64_t limit, const struct rate_claim *claims, uint64_t *shares, uint32_t n)
{
    uint64_t floor = limit / n / RATESPLIT_FLOOR + 1, left = limit, weights = 0;
    struct want wants[RATESPLIT_MAX];

    for (uint32_t i = 0; i < n; i++) {
        wants[i] = want_of(&claims[i], floor);
        weights += wants[i].weight;
    }
    while (weights > 0 && settle_one(wants, shares, n, &left, &weights))
        ;
    for (uint32_t i = 0; i < n; i++) {
        if (!wants[i].settled)
            shares[i] = part(left, wants[i].weight, weights);
        else if (weights == 0)
            shares[i] += left / n; /* no user waits: all may begin at once */
    }
}

/* Whether the change from |was| to |share| is too small to be made. */
static bool
is_near(uint64_t share, uint64_t was)
{
    uint64_t step = was / RATESPLIT_STEP;

    return share < was + step && share > was - step;
}

/* Limits the increases in |shares|: a loop that loses a part of its share may still use it, so the
 * other loops get only what the limit leaves beyond all that is held. Decreases stay. */
static void
approach(uint64_t limit, const struct rate_claim *claims, uint64_t *shares, uint32_t n)
{
    uint64_t held = 0, free;
    uint32_t rising = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (is_near(shares[i], claims[i].held))
            shares[i] = claims[i].held;
        held += claims[i].held;
        rising += shares[i] > claims[i].held;
    }
    free = held < limit ? limit - held : 0;
    for (uint32_t i = 0; i < n; i++) {
        if (shares[i] <= claims[i].held)
            continue;
        shares[i] = claims[i].held + min_u64(shares[i] - claims[i].held, free / rising);
        free -= shares[i] - claims[i].held;
        rising--;
    }
    for (uint32_t i = 0; i < n; i++)
        shares[i] += shares[i] == 0;
}

void
ratesplit(uint64_t limit, const struct rate_claim *claims, uint64_t *shares, uint32_t n)
{
    ASSERT(n > 0 && n <= RATESPLIT_MAX && limit > 0);
    aim(limit, claims, shares, n);
    approach(limit, claims, shares, n);
}
