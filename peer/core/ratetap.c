/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The torrent's own bucket has only one user and needs no line.
 */
#include "peer/core/ratetap.h"

void
rate_tap_init(struct rate_tap *t, struct rate_bucket *shared, struct mono now)
{
    rate_bucket_init(&t->own, 0, now);
    t->shared = shared;
    rate_user_init(&t->user);
    t->overhead = 0;
}

void
rate_tap_set(struct rate_tap *t, uint64_t limit, struct mono now)
{
    rate_bucket_set(&t->own, limit, now);
}

uint64_t
rate_tap_limit(const struct rate_tap *t)
{
    if (t->own.limit == 0 || t->shared->limit == 0)
        return t->own.limit + t->shared->limit;
    return t->own.limit < t->shared->limit ? t->own.limit : t->shared->limit;
}

uint32_t
rate_tap_part(const struct rate_tap *t, uint32_t want)
{
    return rate_bucket_part(&t->own, rate_bucket_part(t->shared, want));
}

static bool
own_is_ready(const struct rate_tap *t, struct mono now)
{
    return mono_due(rate_bucket_ready(&t->own, now), now);
}

bool
rate_tap_take(struct rate_tap *t, uint64_t bytes, struct mono now)
{
    if (!own_is_ready(t, now) || !rate_bucket_take(t->shared, &t->user, bytes, now))
        return false;
    rate_bucket_charge(&t->own, bytes + t->overhead, now);
    t->overhead = 0;
    return true;
}

void
rate_tap_leave(struct rate_tap *t, struct mono now)
{
    rate_bucket_keep(&t->own, false, now);
    rate_user_leave(&t->user);
}

/* Tokens of the torrent's own limit accumulate while it stands in the shared line. Tokens from
 * before are cut to a burst when the torrent joins the line for a new turn. */
static void
wait_in_line(struct rate_tap *t, struct mono now)
{
    if (rate_user_waits(&t->user))
        return;
    rate_bucket_wait(t->shared, &t->user);
    if (!t->user.begun)
        rate_bucket_keep(&t->own, false, now);
    rate_bucket_keep(&t->own, true, now);
}

void
rate_tap_wait(struct rate_tap *t, struct mono now)
{
    if (own_is_ready(t, now))
        wait_in_line(t, now);
    else
        rate_tap_leave(t, now);
}

struct mono
rate_tap_ready(const struct rate_tap *t, struct mono now)
{
    struct mono own = rate_bucket_ready(&t->own, now);
    struct mono shared = rate_user_ready(t->shared, &t->user, now);

    return mono_before(own, shared) ? shared : own;
}

void
rate_tap_return(struct rate_tap *t, uint64_t bytes)
{
    rate_bucket_return(&t->own, bytes);
    rate_bucket_return(t->shared, bytes);
}

void
rate_tap_charge(struct rate_tap *t, uint64_t bytes, struct mono now)
{
    rate_bucket_charge(&t->own, bytes, now);
    rate_bucket_charge(t->shared, bytes, now);
}

void
rate_tap_overhead(struct rate_tap *t, uint64_t bytes, struct mono now)
{
    t->overhead += rate_bucket_overhead_part(&t->own, bytes, now);
    rate_bucket_overhead(t->shared, bytes, now);
}
