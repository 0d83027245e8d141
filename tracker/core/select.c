/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The seeders form a ring, and so do the leechers. A draw takes from each ring its share of the
 * wanted peers: it turns the ring by a random amount and cuts it into parts, one for each run of
 * adjacent peers. Each run begins at a random position of its part. So every peer is equally likely
 * and none is drawn twice. A draw costs one cache miss per run instead of one per peer, and needs
 * no table of the peers drawn so far.
 *
 * The price of runs is that adjacent peers appear in the same answers
 * (tests/unit/tracker/test_select.c measures this, docs/BENCHMARKS.md has the numbers). Adjacent
 * peers have joined the swarm one after the other, until removals mix them. With a single ring of
 * both kinds, many answers would have no seeder.
 */
#include "tracker/core/select.h"

#include <endian.h>

#include "common/base/assert.h"
#include "common/base/minmax.h"

enum {
    RUN = SELECT_RUN,
    ROW_MAX = 64, /* peers that are copied at a time, with a bit of a word for each */
};

/* The state of the draw for one reply. */
struct draw {
    const struct peerset *s;
    const struct select_query *q;
    uint8_t *out, *ids;
    uint32_t count;
};

/* ---- rows ---- */

/* The peers that the answer must not contain. |self_word| is the asker's tag as the last word of an
 * entry in memory. */
struct filter {
    uint32_t self_word, self_mask;
    struct select_hidden hidden;
    uint16_t now, time_mask;
    uint32_t age_max;
};

static struct filter
filter_of(const struct peerset *s, const struct select_query *q)
{
    bool shared = s->meta_len == PEERSET_SHARED;
    unsigned shift = shared ? 16 : 8;

    return (struct filter){
        .self_word = htobe32(q->self_tag >> shift),
        .self_mask = htobe32(q->self_mask >> shift),
        .hidden = q->hidden,
        .now = q->now,
        .time_mask = peerset_time_mask(s),
        .age_max = (uint32_t)q->age_max + peerset_age_error(s),
    };
}

/* Whether a peer is skipped; |meta| is the part of its entry after the endpoint. In a set of form
 * PEERSET_SHARED the result may also be true for a peer that is not the asker's own. */
static inline bool
is_passed_over(const struct filter *f, const uint8_t *meta, const size_t meta_len, const bool hides)
{
    bool silent = (uint16_t)(f->now - (get_u16be(meta) & f->time_mask)) > f->age_max;
    uint32_t word, user;

    memcpy(&word, meta + (meta_len == PEERSET_SHARED ? 0 : 1), sizeof(word));
    user = be32toh(word) & (UINT32_MAX >> SELECT_USER_SHIFT);
    return silent | (((word ^ f->self_word) & f->self_mask) == 0) |
           (hides && user < f->hidden.count && (f->hidden.bits[user / 64] >> user % 64 & 1) != 0);
}

/* Copies the endpoints of |n| peers, and returns whether one of them must be skipped. Copying
 * before checking is faster, since such peers are rare and the loop has no branch. |key_len|,
 * |meta_len| and |hides| are constants for the compiler. */
static inline bool
copy_row(const uint8_t *at, uint32_t n, const struct filter *filter, uint8_t *out,
         const size_t key_len, const size_t meta_len, const bool hides)
{
    const struct filter f = *filter; /* a copy, since the compiler must assume that the written
                                        bytes are those of |filter| */
    const uint8_t *end = at + n * (key_len + meta_len);
    bool passed = false;

    for (; at < end; at += key_len + meta_len, out += key_len) {
        memcpy(out, at, key_len);
        passed |= is_passed_over(&f, at + key_len, meta_len, hides);
    }
    return passed;
}

static inline bool
copy_form(const uint8_t *at, uint32_t n, const struct filter *f, uint8_t *out, const size_t key_len,
          enum peerset_meta meta_len)
{
    bool hides = f->hidden.count > 0;

    switch (meta_len) {
    case PEERSET_SHARED: return copy_row(at, n, f, out, key_len, PEERSET_SHARED, false);
    case PEERSET_SHORT:
        return hides ? copy_row(at, n, f, out, key_len, PEERSET_SHORT, true)
                     : copy_row(at, n, f, out, key_len, PEERSET_SHORT, false);
    case PEERSET_EXACT: return copy_row(at, n, f, out, key_len, PEERSET_EXACT, true);
    }
    return false;
}

static bool
copy_any_row(const struct peerset *s, uint32_t pos, uint32_t n, const struct filter *f,
             uint8_t *out)
{
    const uint8_t *at = peerset_key(s, pos);
    enum peerset_meta meta_len = (enum peerset_meta)s->meta_len;

    return s->key_len == COMPACT_V4_LEN ? copy_form(at, n, f, out, COMPACT_V4_LEN, meta_len)
                                        : copy_form(at, n, f, out, COMPACT_V6_LEN, meta_len);
}

/* Whether the peer must be skipped, exactly: in a set of form PEERSET_SHARED this compares the
 * whole ids. */
static bool
is_gap(const struct draw *d, uint32_t pos, const struct filter *f)
{
    const uint8_t *meta = peerset_key(d->s, pos) + d->s->key_len;

    if (!is_passed_over(f, meta, d->s->meta_len, true))
        return false;
    return d->s->meta_len != PEERSET_SHARED || peerset_has_id(d->s, pos, d->q->self_id) ||
           peerset_is_silent(d->s, pos, d->q->now, d->q->age_max);
}

/* A bit for each of |n| peers from |pos| on, set if it must be skipped; |n| is at most ROW_MAX. */
static uint64_t
find_gaps(const struct draw *d, uint32_t pos, uint32_t n, const struct filter *f)
{
    uint64_t gaps = 0;

    for (uint32_t i = 0; i < n; i++)
        gaps |= (uint64_t)is_gap(d, pos + i, f) << i;
    return gaps;
}

/* Removes the elements whose bits are set from |n| elements of |len| bytes, and returns how many
 * remain. */
static uint32_t
close_gaps(uint8_t *list, uint32_t n, size_t len, uint64_t gaps)
{
    while (gaps != 0) {
        uint32_t i = 63 - (uint32_t)__builtin_clzll(gaps);

        n--;
        memmove(list + i * len, list + (i + 1) * len, (n - i) * len);
        gaps ^= UINT64_C(1) << i;
    }
    return n;
}

/* Adds those of |n| peers from |pos| on to the answer that are not skipped. The answer has room for
 * all, and |n| is at most ROW_MAX. */
static void
take(struct draw *d, uint32_t pos, uint32_t n)
{
    struct filter f = filter_of(d->s, d->q);
    uint8_t *out = d->out + d->count * (size_t)d->s->key_len, *id = NULL;
    uint64_t gaps = 0;

    if (d->ids != NULL) {
        id = d->ids + (size_t)d->count * PEERSET_ID_LEN;
        for (uint32_t i = 0; i < n; i++)
            peerset_get_id(d->s, pos + i, id + (size_t)i * PEERSET_ID_LEN);
    }
    if (copy_any_row(d->s, pos, n, &f, out))
        gaps = find_gaps(d, pos, n, &f);
    if (id != NULL)
        (void)close_gaps(id, n, PEERSET_ID_LEN, gaps);
    d->count += close_gaps(out, n, d->s->key_len, gaps);
}

/* ---- the ring ---- */

/* How many peers of |part| from its |drawn|th on are adjacent in memory, and their position. */
static uint32_t
row_at(const struct select_plan *p, const struct select_part *part, uint32_t *pos)
{
    const struct select_ring *r = &p->rings[part->ring];
    uint32_t at = part->start + part->drawn, len = part->len - part->drawn, i;

    if (at >= part->len)
        at -= part->len;
    else
        len = min_u32(len, part->len - at);
    i = part->first + at + r->turn;
    if (i >= r->n)
        i -= r->n;
    else
        len = min_u32(len, r->n - i);
    i += r->first;
    if (i >= r->skip)
        i++;
    else
        len = min_u32(len, r->skip - i);
    *pos = i;
    return peerset_row(i, len);
}

/* Draws the next |n| peers of |part|, or fewer at its end. Returns how many were examined. */
static uint32_t
draw_from(struct draw *d, struct select_plan *p, struct select_part *part, uint32_t n)
{
    uint32_t looked = 0;

    while (looked < n && part->drawn < part->len && d->count < d->q->want) {
        uint32_t pos, row = row_at(p, part, &pos);

        row = min_u32(min_u32(row, n - looked), min_u32(d->q->want - d->count, ROW_MAX));
        take(d, pos, row);
        part->drawn += row;
        looked += row;
    }
    return looked;
}

/* ---- plans ---- */

static struct select_ring
ring_of(uint32_t first, uint32_t n, uint32_t self_at)
{
    bool in = self_at > first && self_at <= first + n;

    return (struct select_ring){.first = first, .n = n - in, .skip = in ? self_at - 1 : UINT32_MAX};
}

/* Makes the rings of the peers that can be drawn, without the asker. */
static void
make_rings(struct select_ring rings[SELECT_RINGS], const struct peerset *s, uint32_t want,
           bool leechers_only, uint32_t self_at)
{
    uint32_t n = peerset_count(s);

    rings[0] = ring_of(0, leechers_only ? 0 : s->nseeds, self_at);
    rings[1] = ring_of(s->nseeds, s->nleeches, self_at);
    if (rings[0].n > 0 && want >= rings[0].n + rings[1].n) {
        rings[0].n = 0;
        rings[1] = ring_of(0, n, self_at);
    }
}

/* How many of |want| peers come from |n| of |all|: the exact share, rounded up or down at random.
 */
static uint32_t
share(uint32_t want, uint64_t n, uint64_t all, struct rng *rng)
{
    uint64_t parts = want * n;

    return (uint32_t)(parts / all) + (rng_below(rng, (uint32_t)all) < parts % all);
}

/* The number of parts; a draw of all peers of a ring needs only one. */
static uint32_t
parts_of(uint32_t want, uint32_t n)
{
    return want == n ? n > 0 : (want + RUN - 1) / RUN;
}

/* Turns ring |k|, cuts it into parts, and adds these to the plan. */
static void
plan_ring(struct select_plan *p, uint32_t k, uint32_t want, struct rng *rng)
{
    struct select_ring *r = &p->rings[k];
    uint32_t nparts = parts_of(want, r->n), len, longer, run, more;

    if (nparts == 0)
        return;
    r->turn = rng_below(rng, r->n);
    len = r->n / nparts;
    longer = r->n % nparts;
    run = want / nparts;
    more = want % nparts;
    for (uint32_t i = 0; i < nparts; i++)
        p->parts[p->nparts++] = (struct select_part){
            .ring = k,
            .first = i * len + min_u32(i, longer),
            .len = len + (i < longer),
            .start = nparts > 1 ? rng_below(rng, len + (i < longer)) : 0,
            .run = run + (i < more),
        };
}

static void
plan_draw(struct select_plan *p, const struct select_ring rings[SELECT_RINGS], struct rng *rng,
          uint32_t want)
{
    uint32_t n = rings[0].n + rings[1].n, first;

    memcpy(p->rings, rings, sizeof(p->rings));
    p->nparts = 0;
    p->want = min_u32(want, n);
    first = rings[0].n > 0 ? share(p->want, rings[0].n, n, rng) : 0;
    plan_ring(p, 0, first, rng);
    plan_ring(p, 1, p->want - first, rng);
}

/* Whether a plan was made for the present numbers of peers; if so, it gets the present rings.
 */
static bool
fit(struct select_plan *p, const struct select_ring rings[SELECT_RINGS], uint32_t want)
{
    if (p == NULL || p->rings[0].n != rings[0].n || p->rings[1].n != rings[1].n ||
        p->want != min_u32(want, rings[0].n + rings[1].n))
        return false;
    for (int k = 0; k < SELECT_RINGS; k++) {
        p->rings[k].first = rings[k].first;
        p->rings[k].skip = rings[k].skip;
    }
    return true;
}

static void
prefetch(const struct peerset *s, const struct select_plan *p)
{
    uint32_t pos, row;

    for (uint32_t i = 0; i < p->nparts; i++) {
        row = row_at(p, &p->parts[i], &pos);
        peerset_prefetch_row(s, pos, min_u32(row, p->parts[i].run));
    }
}

void
select_plan(struct select_plan *p, const struct peerset *s, struct rng *rng, uint32_t want,
            bool leechers_only, bool listed)
{
    struct select_ring rings[SELECT_RINGS];

    /* The plan does not depend on which of the leechers is the asker. */
    make_rings(rings, s, want, leechers_only, listed ? peerset_count(s) : 0);
    plan_draw(p, rings, rng, want);
    prefetch(s, p);
}

/* ---- draws ---- */

/* Draws one more peer from each part in turn, beginning with a random one, to replace skipped
 * peers. */
static void
draw_more(struct draw *d, struct select_plan *p, struct rng *rng)
{
    uint32_t at = rng_below(rng, p->rings[0].n + p->rings[1].n), i = 0;
    uint32_t looks = d->q->want + RUN, looked = 1;

    for (; i + 1 < p->nparts && at >= p->parts[i].len; i++)
        at -= p->parts[i].len;
    while (looks > 0 && looked > 0 && d->count < d->q->want) {
        looked = 0;
        for (uint32_t k = 0; k < p->nparts && looks > looked; k++, i++)
            looked += draw_from(d, p, &p->parts[i % p->nparts], 1);
        looks -= looked;
    }
}

uint32_t
select_peers(const struct peerset *s, struct rng *rng, struct select_plan *plan,
             const struct select_query *q, uint8_t *out, uint8_t *ids)
{
    struct draw d = {.s = s, .q = q, .out = out, .ids = s->id_len > 0 ? ids : NULL};
    struct select_ring rings[SELECT_RINGS];
    struct select_plan own;

    ASSERT(q->want <= SELECT_WANT_MAX);
    make_rings(rings, s, q->want, q->leechers_only, q->self_at);
    if (q->want == 0 || rings[0].n + rings[1].n == 0)
        return 0;
    if (!fit(plan, rings, q->want)) {
        plan = &own;
        plan_draw(plan, rings, rng, q->want);
        prefetch(s, plan);
    }
    for (uint32_t i = 0; i < plan->nparts; i++)
        (void)draw_from(&d, plan, &plan->parts[i], plan->parts[i].run);
    if (d.count < q->want)
        draw_more(&d, plan, rng);
    return d.count;
}

static uint32_t
candidates(const struct peerset *s, const struct select_query *q)
{
    return q->leechers_only ? s->nleeches : peerset_count(s);
}

uint32_t
select_peers_of_two(const struct peerset *own, const struct peerset *others, uint64_t all,
                    struct rng *rng, struct select_plan *plan, const struct select_query *q,
                    uint8_t *out, uint8_t *ids)
{
    uint32_t nown = candidates(own, q), nothers = others == NULL ? 0 : candidates(others, q);
    struct select_query part = *q;
    uint32_t n, from_own;

    if (nothers == 0)
        return select_peers(own, rng, plan, q, out, ids);
    if (all < (uint64_t)nown + nothers)
        all = (uint64_t)nown + nothers;
    if (all > UINT32_MAX)
        all = UINT32_MAX;
    from_own = share(q->want, nown, all, rng);
    /* If the sample has fewer peers than its share, the rest comes from |own|. */
    part.want = q->want - from_own < nothers ? q->want - from_own : nothers;
    part.self_at = 0;
    n = select_peers(others, rng, NULL, &part, out, ids);
    part.want = q->want - n;
    part.self_at = q->self_at;
    out += (size_t)n * own->key_len;
    return n + select_peers(own, rng, NULL, &part, out,
                            ids == NULL ? NULL : ids + (size_t)n * PEERSET_ID_LEN);
}
