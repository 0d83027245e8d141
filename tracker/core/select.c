/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A draw treats the peers as a ring, turns it by a random amount and cuts it into parts, one for
 * each run of neighbouring peers that it takes. Each run begins at a random position of its part.
 * So every peer is equally likely and none is drawn twice. A draw costs one cache miss per run
 * instead of one per peer, and needs no table of the peers drawn so far.
 */
#include "tracker/core/select.h"

#include "common/base/assert.h"

enum {
    RUN = 8, /* peers that are taken side by side: neighbours by the time they came, if at all */
    RUNS_MAX = (SELECT_WANT_MAX + RUN - 1) / RUN,
    LOOKS_PER_PEER = 2, /* peers looked at for each one wanted, before we give up on the rest */
};

/* The |n| peers from |first| on, as a ring that begins at the |turn|th of them. */
struct ring {
    uint32_t first, n, turn;
};

/* A part of the ring, and how many of its peers were looked at. */
struct part {
    uint32_t first, len;
    uint32_t start; /* of the run, counted from |first| */
    uint32_t drawn;
};

/* The state of the draw for one reply. */
struct draw {
    const struct peerset *s;
    const struct select_query *q;
    uint8_t *out, *ids;
    uint32_t count;
};

/* Takes peers from |pos| on, |n| of them at most, until there are enough. Each is written, and then
 * counted or not: that is faster than asking first. |key_len| is a constant to the compiler, and
 * all else that the loop needs a copy: bytes that are written could be anything's. */
static inline uint32_t
take_row(struct draw *d, uint32_t pos, uint32_t n, const size_t key_len)
{
    const size_t stride = key_len + PEERSET_META_LEN;
    const struct select_query q = *d->q;
    const uint8_t *at = d->s->entries + pos * stride;
    const uint8_t *id = d->ids != NULL ? d->s->ids + (size_t)pos * PEERSET_ID_LEN : NULL;
    uint8_t *out = d->out + d->count * key_len;
    uint32_t count = d->count, i;

    for (i = 0; i < n && count < q.want; i++, at += stride) {
        bool silent = (uint16_t)(q.now - get_u16be(at + key_len)) > q.age_max;
        uint32_t tag = get_u32be(at + key_len + 2) & ~(uint32_t)PEER_FLAGS;
        uint32_t user = tag >> SELECT_USER_SHIFT;
        bool hidden = user < q.hidden.count && (q.hidden.bits[user / 64] >> user % 64 & 1) != 0;
        bool taken = !silent && ((tag ^ q.self_tag) & q.self_mask) != 0 && !hidden;

        memcpy(out, at, key_len);
        if (id != NULL)
            memcpy(d->ids + (size_t)count * PEERSET_ID_LEN, id + (size_t)i * PEERSET_ID_LEN,
                   PEERSET_ID_LEN);
        out += taken ? key_len : 0;
        count += taken;
    }
    d->count = count;
    return i;
}

static uint32_t
take(struct draw *d, uint32_t pos, uint32_t n)
{
    return d->s->key_len == COMPACT_V4_LEN ? take_row(d, pos, n, COMPACT_V4_LEN)
                                           : take_row(d, pos, n, COMPACT_V6_LEN);
}

/* How many peers of |part| from the |drawn|th of it lie side by side, and where they begin. */
static uint32_t
row_at(const struct ring *r, const struct part *part, uint32_t drawn, uint32_t *pos)
{
    uint32_t at = part->start + drawn, len = part->len - drawn, i;

    if (at >= part->len)
        at -= part->len;
    else if (len > part->len - at)
        len = part->len - at;
    i = part->first + at + r->turn;
    if (i >= r->n)
        i -= r->n;
    else if (len > r->n - i)
        len = r->n - i;
    *pos = r->first + i;
    return len;
}

/* The next |n| peers of |part|, as far as there are any. Returns how many were looked at. */
static uint32_t
draw_from(struct draw *d, const struct ring *r, struct part *part, uint32_t n)
{
    uint32_t looked = 0;

    while (looked < n && part->drawn < part->len && d->count < d->q->want) {
        uint32_t pos, row = row_at(r, part, part->drawn, &pos);

        row = take(d, pos, row < n - looked ? row : n - looked);
        part->drawn += row;
        looked += row;
    }
    return looked;
}

/* How a draw begins: the ring cut into |count| parts, of each of which a run of |run| is taken. */
struct plan {
    struct ring ring;
    uint32_t count, run;
    struct part parts[RUNS_MAX];
};

/* |want| and the number of peers are not 0. Gets the runs on their way from memory, all at once. */
static void
make_plan(struct plan *p, const struct peerset *s, struct rng *rng, uint32_t want,
          bool leechers_only)
{
    uint32_t first = leechers_only ? s->nseeds : 0, n = peerset_count(s) - first;

    if (want > n)
        want = n;
    p->ring = (struct ring){.first = first, .n = n, .turn = rng_below(rng, n)};
    p->count = (want + RUN - 1) / RUN;
    p->run = (want + p->count - 1) / p->count;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t begin = (uint32_t)((uint64_t)i * n / p->count);
        uint32_t end = (uint32_t)((uint64_t)(i + 1) * n / p->count), pos, row;

        p->parts[i] = (struct part){.first = begin, .len = end - begin};
        p->parts[i].start = rng_below(rng, end - begin);
        row = row_at(&p->ring, &p->parts[i], 0, &pos);
        peerset_prefetch_row(s, pos, row < p->run ? row : p->run);
    }
}

/* A run from each part, then one peer more from each for those that were passed over. */
static void
draw_runs(struct draw *d, struct plan *p)
{
    uint32_t looks = d->q->want * LOOKS_PER_PEER + RUN, looked = 1;

    for (uint32_t run = p->run; looks > 0 && looked > 0 && d->count < d->q->want; run = 1) {
        looked = 0;
        for (uint32_t i = 0; i < p->count && looks > looked; i++)
            looked +=
                draw_from(d, &p->ring, &p->parts[i], run < looks - looked ? run : looks - looked);
        looks -= looked;
    }
}

static bool
is_empty(const struct peerset *s, uint32_t want, bool leechers_only)
{
    return want == 0 || (leechers_only ? s->nleeches : peerset_count(s)) == 0;
}

uint32_t
select_peers(const struct peerset *s, struct rng *rng, const struct select_query *q, uint8_t *out,
             uint8_t *ids)
{
    struct draw d = {.s = s, .q = q, .out = out, .ids = s->ids != NULL ? ids : NULL};
    struct plan p;

    ASSERT(q->want <= SELECT_WANT_MAX);
    if (is_empty(s, q->want, q->leechers_only))
        return 0;
    make_plan(&p, s, rng, q->want, q->leechers_only);
    draw_runs(&d, &p);
    return d.count;
}

static uint32_t
candidates(const struct peerset *s, const struct select_query *q)
{
    return q->leechers_only ? s->nleeches : peerset_count(s);
}

/* How many of |want| are to come from |n| of |all|: their share, rounded by chance. */
static uint32_t
share(uint32_t want, uint64_t n, uint64_t all, struct rng *rng)
{
    uint64_t parts = want * n;

    return (uint32_t)(parts / all) + (rng_below(rng, (uint32_t)all) < parts % all);
}

uint32_t
select_peers_of_two(const struct peerset *own, const struct peerset *others, uint64_t all,
                    struct rng *rng, const struct select_query *q, uint8_t *out, uint8_t *ids)
{
    uint32_t nown = candidates(own, q), nothers = others == NULL ? 0 : candidates(others, q);
    struct select_query part = *q;
    uint32_t n, from_own;

    if (nothers == 0)
        return select_peers(own, rng, q, out, ids);
    if (all < (uint64_t)nown + nothers)
        all = (uint64_t)nown + nothers;
    if (all > UINT32_MAX)
        all = UINT32_MAX;
    from_own = share(q->want, nown, all, rng);
    /* The others are too few to stand for all of theirs: the rest is own. */
    part.want = q->want - from_own < nothers ? q->want - from_own : nothers;
    n = select_peers(others, rng, &part, out, ids);
    part.want = q->want - n;
    out += (size_t)n * own->key_len;
    return n + select_peers(own, rng, &part, out,
                            ids == NULL ? NULL : ids + (size_t)n * PEERSET_ID_LEN);
}
