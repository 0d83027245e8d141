/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A point in time on a monotonic clock, in microseconds since an arbitrary start. It is a struct,
 * so that a time can't be mixed up with a duration or with another unit. common/sys reads the
 * clock; the cores get the time as an argument.
 */
#ifndef COMMON_BASE_MONO_H
#define COMMON_BASE_MONO_H

#include <stdbool.h>
#include <stdint.h>

struct mono {
    int64_t us;
};

/* Later than every real time; means "no timer". */
#define MONO_NEVER ((struct mono){INT64_MAX})

static inline bool
mono_before(struct mono a, struct mono b)
{
    return a.us < b.us;
}

/* True when |deadline| is reached at |now|. */
static inline bool
mono_due(struct mono deadline, struct mono now)
{
    return deadline.us <= now.us;
}

static inline struct mono
mono_min(struct mono a, struct mono b)
{
    return a.us < b.us ? a : b;
}

static inline struct mono
mono_max(struct mono a, struct mono b)
{
    return a.us > b.us ? a : b;
}

/* |t| plus |us| microseconds; MONO_NEVER stays, and an overflow becomes MONO_NEVER. */
static inline struct mono
mono_add_us(struct mono t, int64_t us)
{
    struct mono r;

    if (t.us == INT64_MAX || __builtin_add_overflow(t.us, us, &r.us))
        return MONO_NEVER;
    return r;
}

static inline struct mono
mono_add_ms(struct mono t, int64_t ms)
{
    return mono_add_us(t, ms * 1000);
}

/* Microseconds from |from| to |to|; negative when |to| is earlier. */
static inline int64_t
mono_diff_us(struct mono to, struct mono from)
{
    return to.us - from.us;
}

static inline int64_t
mono_diff_ms(struct mono to, struct mono from)
{
    return (to.us - from.us) / 1000;
}

#endif
