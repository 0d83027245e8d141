/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The arithmetic of linear hashing (Litwin): which bucket a hash belongs to in a table that grows
 * and shrinks by one bucket at a time, and where that bucket is. The buckets are in segments, which
 * never move: the first has |least| buckets, a power of two and at least 2; each other segment has
 * as many as all before it.
 */
#ifndef COMMON_DS_LINEARHASH_H
#define COMMON_DS_LINEARHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bucket of |hash| in a table of |count| buckets; |low| is the largest power of two up to
 * |count|. A bucket that is not split yet also has the hashes whose next bit is set. */
static inline size_t
linearhash_bucket(uint64_t hash, size_t count, size_t low)
{
    size_t bucket = hash & (2 * low - 1);

    return bucket < count ? bucket : bucket - low;
}

/* The position of the highest bit of |n|, which is not 0. */
static inline unsigned
linearhash_highest(size_t n)
{
    return 63 - (unsigned)__builtin_clzll(n);
}

/* The segment of |bucket|. */
static inline unsigned
linearhash_segment(size_t bucket, size_t least)
{
    return linearhash_highest(bucket | (least - 1)) - linearhash_highest(least - 1);
}

/* The position of |bucket| within its segment. The first segment begins at bucket 0, each other one
 * at a power of two. */
static inline size_t
linearhash_index(size_t bucket, size_t least)
{
    return bucket - (((size_t)1 << linearhash_highest(bucket | (least - 1))) & ~(least - 1));
}

static inline bool
linearhash_starts_segment(size_t bucket, size_t least)
{
    return linearhash_index(bucket, least) == 0;
}

#endif
