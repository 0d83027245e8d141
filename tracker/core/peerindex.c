/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Buckets differ in size, since a bucket that is not split yet has the peers of two, but each takes
 * only the memory that it needs. When the index has more than PEERINDEX_LOAD peers per bucket, the
 * next bucket in turn is split by one more bit of the hashes; when it has less than half of that,
 * the last bucket is joined with the one that it was split from.
 */
#include "tracker/core/peerindex.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/prefetch.h"
#include "common/ds/linearhash.h"
#include "tracker/core/marks.h"

enum {
    BUCKETS_MIN = 4,
    HEAD_LEN = 4,
    CAP_STEP = MARKS_STEP,
    CAP_MAX = 3056,
    WIDE = 0x8000,
};

_Static_assert(HEAD_LEN + 4 * CAP_MAX <= BLOCKS_LEN_MAX, "a bucket is one block");

/* ---- a bucket ---- */

static uint32_t
bucket_count(const uint8_t *b)
{
    uint16_t n;

    memcpy(&n, b, sizeof(n));
    return n;
}

static uint32_t
cap_word(const uint8_t *b)
{
    uint16_t n;

    memcpy(&n, b + 2, sizeof(n));
    return n;
}

static uint32_t
bucket_cap(const uint8_t *b)
{
    return cap_word(b) & (WIDE - 1);
}

static bool
bucket_is_wide(const uint8_t *b)
{
    return (cap_word(b) & WIDE) != 0;
}

static void
put_head(uint8_t *b, uint32_t count, uint32_t cap, bool wide)
{
    uint16_t words[2] = {(uint16_t)count, (uint16_t)(cap | (wide ? WIDE : 0))};

    memcpy(b, words, sizeof(words));
}

static size_t
bucket_len(uint32_t cap, bool wide)
{
    return HEAD_LEN + (size_t)cap * (wide ? 4 : 3);
}

static uint32_t
get_pos(const uint8_t *b, uint32_t i)
{
    const uint8_t *at = b + HEAD_LEN + bucket_cap(b);

    if (!bucket_is_wide(b))
        return at[2 * i] | (uint32_t)at[2 * i + 1] << 8;
    return at[3 * i] | (uint32_t)at[3 * i + 1] << 8 | (uint32_t)at[3 * i + 2] << 16;
}

static void
put_pos(uint8_t *b, uint32_t i, uint32_t pos)
{
    uint8_t *at = b + HEAD_LEN + bucket_cap(b);
    bool wide = bucket_is_wide(b);

    ASSERT(wide || pos < PEERINDEX_NARROW_MAX);
    at += (wide ? 3 : 2) * i;
    at[0] = (uint8_t)pos;
    at[1] = (uint8_t)(pos >> 8);
    if (wide)
        at[2] = (uint8_t)(pos >> 16);
}

static void
append(uint8_t *b, uint8_t mark, uint32_t pos)
{
    uint32_t n = bucket_count(b);

    ASSERT(n < bucket_cap(b));
    b[HEAD_LEN + n] = mark;
    put_pos(b, n, pos);
    put_head(b, n + 1, bucket_cap(b), bucket_is_wide(b));
}

static uint8_t
mark_of(uint64_t hash)
{
    return (uint8_t)(hash >> 56);
}

/* The index in the bucket of the peer at |pos|. */
static uint32_t
place_of(const uint8_t *b, uint8_t mark, uint32_t pos)
{
    uint32_t n = bucket_count(b), i = marks_next(b + HEAD_LEN, n, mark, 0);

    while (i != MARKS_NONE && get_pos(b, i) != pos)
        i = marks_next(b + HEAD_LEN, n, mark, i + 1);
    ASSERT(i != MARKS_NONE);
    return i;
}

/* ---- the table of buckets ---- */

static unsigned
segment_of(size_t bucket)
{
    return linearhash_segment(bucket, BUCKETS_MIN);
}

static void **
bucket_at(const struct peerindex *x, size_t bucket)
{
    return &x->segments[segment_of(bucket)][linearhash_index(bucket, BUCKETS_MIN)];
}

static void **
bucket_of(const struct peerindex *x, uint64_t hash)
{
    return bucket_at(x, linearhash_bucket(hash, x->nbuckets, x->low));
}

static uint32_t
fitting_cap(uint32_t count)
{
    return (count + CAP_STEP - 1) / CAP_STEP * CAP_STEP;
}

/* Allocates an empty bucket with room for |count| peers. */
static bool
make_bucket(struct blocks *b, void **bucket, uint32_t count, bool wide)
{
    uint32_t cap = fitting_cap(count);

    if (cap > CAP_MAX || !blocks_alloc(b, bucket, bucket_len(cap, wide)))
        return false;
    put_head(*bucket, 0, cap, wide);
    return true;
}

static void
free_bucket(struct blocks *b, void **bucket)
{
    blocks_free(b, bucket, bucket_len(bucket_cap(*bucket), bucket_is_wide(*bucket)));
}

static void
copy_bucket(uint8_t *to, const uint8_t *from)
{
    for (uint32_t i = 0; i < bucket_count(from); i++)
        append(to, from[HEAD_LEN + i], get_pos(from, i));
}

/* Moves the peers of |*bucket| to another block with room for |count|. False when memory is out.
 */
static bool
remake(struct peerindex *x, struct blocks *b, void **bucket, uint32_t count, bool wide)
{
    void *fresh;

    if (!make_bucket(b, &fresh, count, wide))
        return false;
    copy_bucket(fresh, *bucket);
    x->steps += bucket_count(fresh);
    free_bucket(b, bucket);
    *bucket = fresh;
    blocks_set_owner(bucket);
    return true;
}

/* Makes room in the table for the bucket with number |nbuckets|. */
static bool
add_segment(struct peerindex *x)
{
    unsigned i = segment_of(x->nbuckets);
    void ***segments = realloc(x->segments, (i + 1) * sizeof(*segments));

    if (segments == NULL)
        return false;
    x->segments = segments;
    segments[i] = calloc(i == 0 ? BUCKETS_MIN : x->nbuckets, sizeof(**segments));
    return segments[i] != NULL;
}

static void
drop_bucket(struct peerindex *x)
{
    x->nbuckets--;
    if (linearhash_starts_segment(x->nbuckets, BUCKETS_MIN))
        free(x->segments[segment_of(x->nbuckets)]);
    if (x->nbuckets < x->low)
        x->low /= 2;
    if (x->nwide > x->nbuckets)
        x->nwide = x->nbuckets;
}

/* Adds a bucket at the end, with room for |count| peers. */
static bool
add_bucket(struct peerindex *x, struct blocks *b, uint32_t count)
{
    bool fresh = linearhash_starts_segment(x->nbuckets, BUCKETS_MIN);

    if (fresh && !add_segment(x))
        return false;
    if (!make_bucket(b, bucket_at(x, x->nbuckets), count, x->nwide > 0)) {
        if (fresh)
            free(x->segments[segment_of(x->nbuckets)]);
        return false;
    }
    if (x->nwide > 0 && x->nwide == x->nbuckets)
        x->nwide++;
    x->nbuckets++;
    if (x->nbuckets == 2 * x->low)
        x->low *= 2;
    return true;
}

bool
peerindex_init(struct peerindex *x, struct blocks *b)
{
    *x = (struct peerindex){.low = BUCKETS_MIN};
    while (x->nbuckets < BUCKETS_MIN) {
        if (!add_bucket(x, b, CAP_STEP)) {
            peerindex_fini(x, b);
            return false;
        }
    }
    return true;
}

void
peerindex_fini(struct peerindex *x, struct blocks *b)
{
    while (x->nbuckets > 0) {
        free_bucket(b, bucket_at(x, x->nbuckets - 1));
        drop_bucket(x);
    }
    free(x->segments);
    x->segments = NULL;
}

/* ---- splits and joins ---- */

/* Moves the peers of |from| whose hash has |bit| to |to|, which has room. */
static void
part(uint8_t *from, uint8_t *to, uint32_t bit, peerindex_hash_fn hash_of, const void *ctx)
{
    uint32_t n = bucket_count(from), kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t pos = get_pos(from, i);
        uint8_t mark = from[HEAD_LEN + i];

        if ((hash_of(ctx, pos) & bit) != 0) {
            append(to, mark, pos);
        } else {
            from[HEAD_LEN + kept] = mark;
            put_pos(from, kept++, pos);
        }
    }
    put_head(from, kept, bucket_cap(from), bucket_is_wide(from));
}

/* Frees memory that the bucket does not need. If no smaller block can be allocated, the bucket
 * stays as it is.
 */
static void
fit(struct peerindex *x, struct blocks *b, void **bucket)
{
    uint32_t n = bucket_count(*bucket) + 1;

    if (fitting_cap(n) != bucket_cap(*bucket))
        (void)remake(x, b, bucket, n, bucket_is_wide(*bucket));
}

/* Splits the bucket whose turn it is. */
static void
split(struct peerindex *x, struct blocks *b, peerindex_hash_fn hash_of, const void *ctx)
{
    uint32_t low = x->low, number = x->nbuckets;
    void **from = bucket_at(x, number - low), **to;
    uint32_t n = bucket_count(*from);

    if (!add_bucket(x, b, n > 0 ? n : 1))
        return;
    to = bucket_at(x, number);
    part(*from, *to, low, hash_of, ctx);
    x->steps += n;
    fit(x, b, to);
    fit(x, b, from);
}

/* Joins the last bucket to the one that it was split from. */
static void
join(struct peerindex *x, struct blocks *b)
{
    uint32_t low = x->nbuckets == x->low ? x->low / 2 : x->low;
    void **last = bucket_at(x, x->nbuckets - 1), **to = bucket_at(x, x->nbuckets - 1 - low);
    bool wide = bucket_is_wide(*to) || bucket_is_wide(*last);

    if (!remake(x, b, to, bucket_count(*to) + bucket_count(*last) + 1, wide))
        return;
    copy_bucket(*to, *last);
    x->steps += bucket_count(*last);
    free_bucket(b, last);
    drop_bucket(x);
}

bool
peerindex_reserve(struct peerindex *x, struct blocks *b, uint64_t hash)
{
    void **bucket = bucket_of(x, hash);
    uint32_t n = bucket_count(*bucket);

    x->steps = 0;
    return n < bucket_cap(*bucket) ||
           remake(x, b, bucket, n + 1, bucket_is_wide(*bucket) || x->nwide > 0);
}

void
peerindex_add(struct peerindex *x, struct blocks *b, uint64_t hash, uint32_t pos,
              peerindex_hash_fn hash_of, const void *ctx)
{
    append(*bucket_of(x, hash), mark_of(hash), pos);
    x->count++;
    if (x->count > x->nbuckets * PEERINDEX_LOAD)
        split(x, b, hash_of, ctx);
}

bool
peerindex_widen(struct peerindex *x, struct blocks *b)
{
    void **bucket;

    if (x->nwide == x->nbuckets)
        return true;
    bucket = bucket_at(x, x->nwide);
    if (!bucket_is_wide(*bucket) && !remake(x, b, bucket, bucket_cap(*bucket), true))
        return false;
    x->nwide++;
    return true;
}

bool
peerindex_is_wide(const struct peerindex *x)
{
    return x->nwide == x->nbuckets;
}

void
peerindex_remove(struct peerindex *x, struct blocks *b, uint64_t hash, uint32_t pos)
{
    void **bucket = bucket_of(x, hash);
    uint8_t *at = *bucket;
    uint32_t last = bucket_count(at) - 1, i = place_of(at, mark_of(hash), pos);

    x->steps = 0;
    at[HEAD_LEN + i] = at[HEAD_LEN + last];
    put_pos(at, i, get_pos(at, last));
    put_head(at, last, bucket_cap(at), bucket_is_wide(at));
    x->count--;
    if (bucket_cap(at) > last + 2 * CAP_STEP)
        fit(x, b, bucket);
    if (x->nbuckets > BUCKETS_MIN && x->count < x->nbuckets * (PEERINDEX_LOAD / 2))
        join(x, b);
}

void
peerindex_move(struct peerindex *x, uint64_t hash, uint32_t pos, uint32_t to)
{
    uint8_t *at = *bucket_of(x, hash);

    put_pos(at, place_of(at, mark_of(hash), pos), to);
}

uint32_t
peerindex_next(const struct peerindex *x, uint64_t hash, uint32_t *probe)
{
    const uint8_t *at = *bucket_of(x, hash);
    uint32_t i = marks_next(at + HEAD_LEN, bucket_count(at), mark_of(hash), *probe);

    if (i == MARKS_NONE)
        return PEERINDEX_NONE;
    *probe = i + 1;
    return get_pos(at, i);
}

void
peerindex_prefetch(const struct peerindex *x, uint64_t hash)
{
    const uint8_t *at = *bucket_of(x, hash);

    for (size_t i = 0; i < PEERINDEX_LOAD; i += CACHE_LINE)
        prefetch_line(at + i);
}
