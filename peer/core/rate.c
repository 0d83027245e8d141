/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A meter keeps one sum per second in a ring. A bucket counts in millionths of a byte, so that
 * bytes per second times microseconds is exact, and a slow limit loses nothing to rounding.
 */
#include "peer/core/rate.h"

#include "common/base/assert.h"

enum { US_PER_S = 1000000 };

/* |bytes| over |us| microseconds as bytes/s, without an overflow. */
static uint64_t
per_second(uint64_t bytes, uint64_t us)
{
    return bytes / us * US_PER_S + bytes % us * US_PER_S / us;
}

/* Clears the slots between the newest and |second|. */
static void
meter_advance(struct rate_meter *m, int64_t second)
{
    int64_t gone = second - m->second;

    if (gone > RATE_SLOTS)
        gone = RATE_SLOTS;
    for (int64_t i = 0; i < gone; i++)
        m->slots[(second - i) % RATE_SLOTS] = 0;
    if (gone > 0)
        m->second = second;
}

void
rate_meter_add(struct rate_meter *m, uint64_t bytes, struct mono now)
{
    ASSERT(now.us >= 0);
    if (!m->fed) {
        m->fed = true;
        m->first = now;
        m->second = now.us / US_PER_S;
    }
    meter_advance(m, now.us / US_PER_S);
    m->slots[m->second % RATE_SLOTS] += bytes;
    m->total += bytes;
}

uint64_t
rate_meter_rate(const struct rate_meter *m, struct mono now)
{
    int64_t oldest = now.us / US_PER_S - RATE_SLOTS + 1; /* the first second that counts */
    int64_t span = now.us - oldest * US_PER_S;
    uint64_t sum = 0;

    if (!m->fed)
        return 0;
    for (int64_t s = m->second; s > m->second - RATE_SLOTS && s >= oldest && s >= 0; s--)
        sum += m->slots[s % RATE_SLOTS];
    if (span > mono_diff_us(now, m->first))
        span = mono_diff_us(now, m->first);
    return per_second(sum, span > US_PER_S ? (uint64_t)span : US_PER_S);
}

/* The most tokens that the bucket holds. */
static int64_t
bucket_depth(const struct rate_bucket *b)
{
    return (int64_t)b->limit * (b->keeps ? RATE_KEEP_MS : RATE_BURST_MS) * (US_PER_S / 1000);
}

static uint64_t
limit_clamp(uint64_t limit)
{
    return limit < RATE_LIMIT_MAX ? limit : RATE_LIMIT_MAX;
}

/* The tokens that the bucket holds at |now|; the limit is not 0. */
static int64_t
bucket_tokens(const struct rate_bucket *b, struct mono now)
{
    int64_t depth = bucket_depth(b);
    int64_t elapsed = mono_diff_us(now, b->filled_at);

    if (b->tokens >= depth)
        return depth;
    if (elapsed <= 0)
        return b->tokens;
    if (elapsed > (depth - b->tokens) / (int64_t)b->limit)
        return depth;
    return b->tokens + elapsed * (int64_t)b->limit;
}

static void
bucket_fill(struct rate_bucket *b, struct mono now)
{
    b->tokens = b->limit == 0 ? 0 : bucket_tokens(b, now);
    if (mono_before(b->filled_at, now))
        b->filled_at = now;
}

void
rate_bucket_init(struct rate_bucket *b, uint64_t limit, struct mono now)
{
    *b = (struct rate_bucket){.limit = limit_clamp(limit), .filled_at = now};
    list_init(&b->line);
}

void
rate_bucket_set(struct rate_bucket *b, uint64_t limit, struct mono now)
{
    bucket_fill(b, now);
    b->limit = limit_clamp(limit);
    bucket_fill(b, now);
}

void
rate_user_init(struct rate_user *u)
{
    *u = (struct rate_user){.served = 0};
    list_init(&u->link);
}

uint32_t
rate_bucket_part(const struct rate_bucket *b, uint32_t want)
{
    uint64_t part = b->limit * RATE_PART_MS / 1000;

    if (b->limit == 0)
        return want;
    if (part < RATE_PART_MIN)
        part = RATE_PART_MIN;
    return want < part ? want : (uint32_t)part;
}

/* Bytes that a user takes before the next user's turn. */
static uint32_t
bucket_turn(const struct rate_bucket *b)
{
    uint32_t part = rate_bucket_part(b, RATE_PART_MAX);
    uint64_t turn = b->limit * RATE_TURN_MS / 1000;

    if (turn > UINT32_MAX / 4)
        turn = UINT32_MAX / 4;
    return turn > part ? (uint32_t)turn : part;
}

void
rate_bucket_wait(struct rate_bucket *b, struct rate_user *u)
{
    uint32_t turn = bucket_turn(b);

    if (list_linked(&u->link))
        return;
    if (u->begun && u->served < turn) {
        list_push_front(&b->line, &u->link);
        return;
    }
    /* Bytes taken beyond the turn count in the next turn. */
    u->served = u->served >= turn ? (u->served - turn) % turn : u->served;
    u->begun = false;
    list_push_back(&b->line, &u->link);
}

void
rate_user_leave(struct rate_user *u)
{
    list_remove(&u->link);
}

static bool
is_turn_of(const struct rate_bucket *b, const struct rate_user *u)
{
    return list_empty(&b->line) || b->line.next == &u->link || b->tokens >= bucket_depth(b);
}

bool
rate_bucket_take(struct rate_bucket *b, struct rate_user *u, uint64_t bytes, struct mono now)
{
    if (b->limit == 0)
        return true;
    bucket_fill(b, now);
    if (b->tokens < 0 || !is_turn_of(b, u))
        return false;
    rate_user_leave(u);
    u->begun = true;
    u->served = bytes < UINT32_MAX - u->served ? u->served + (uint32_t)bytes : UINT32_MAX;
    rate_bucket_charge(b, bytes, now);
    return true;
}

void
rate_bucket_charge(struct rate_bucket *b, uint64_t bytes, struct mono now)
{
    if (b->limit == 0)
        return;
    bucket_fill(b, now);
    if (bytes > RATE_TAKE_MAX)
        bytes = RATE_TAKE_MAX;
    b->tokens -= (int64_t)bytes * US_PER_S;
    if (b->tokens < -RATE_DEBT_MAX * US_PER_S)
        b->tokens = -RATE_DEBT_MAX * US_PER_S;
}

uint64_t
rate_bucket_overhead_part(struct rate_bucket *b, uint64_t bytes, struct mono now)
{
    struct allowance_terms terms = {.rate = b->limit * RATE_OVERHEAD_PERCENT / 100 + 1,
                                    .most = b->limit};

    return b->limit > 0 && allowance_take(&b->overhead, bytes, terms, now) ? bytes : 0;
}

void
rate_bucket_overhead(struct rate_bucket *b, uint64_t bytes, struct mono now)
{
    rate_bucket_charge(b, rate_bucket_overhead_part(b, bytes, now), now);
}

void
rate_bucket_keep(struct rate_bucket *b, bool keep, struct mono now)
{
    b->keeps = keep;
    bucket_fill(b, now);
}

void
rate_bucket_return(struct rate_bucket *b, uint64_t bytes)
{
    if (b->limit == 0)
        return;
    if (bytes > RATE_TAKE_MAX)
        bytes = RATE_TAKE_MAX;
    b->tokens += (int64_t)bytes * US_PER_S;
    if (b->tokens > bucket_depth(b))
        b->tokens = bucket_depth(b);
}

struct mono
rate_bucket_ready(const struct rate_bucket *b, struct mono now)
{
    int64_t tokens = b->limit == 0 ? 0 : bucket_tokens(b, now);
    int64_t limit = (int64_t)b->limit;

    if (tokens >= 0)
        return now;
    return mono_add_us(now, (-tokens + limit - 1) / limit);
}

struct mono
rate_user_ready(const struct rate_bucket *b, const struct rate_user *u, struct mono now)
{
    struct mono ready = rate_bucket_ready(b, now);
    bool behind = rate_user_waits(u) && b->line.next != &u->link;

    if (b->limit == 0 || !behind || mono_before(now, ready) ||
        bucket_tokens(b, now) >= bucket_depth(b))
        return ready;
    return mono_add_us(now, RATE_YIELD_US);
}
