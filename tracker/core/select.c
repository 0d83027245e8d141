/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The range is a ring, turned by a random amount and cut into as many parts as there are runs to
 * take; each run begins at a random place of its part. So every peer is as likely as any other and
 * none comes twice, while the peers of a run lie side by side in memory: a draw costs a cache miss
 * a run, not one a peer, and no table of what was drawn.
 */
#include "tracker/core/select.h"

#include "common/base/assert.h"

enum {
    RUN = 8, /* peers that are taken side by side: neighbours by the time they came, if at all */
    RUNS_MAX = (SELECT_WANT_MAX + RUN - 1) / RUN,
    LOOKS_PER_PEER = 2, /* peers looked at for each one wanted, before we give up on the rest */
};

/* A part of the ring and how far it was drawn from. */
struct part {
    uint32_t first, len;
    uint32_t start; /* of the run, counted from |first| */
    uint32_t drawn;
};

/* What is needed while one reply is drawn. */
struct draw {
    const struct peerset *s;
    const struct select_query *q;
    uint8_t *out, *ids;
    uint32_t count;
};

static bool
is_asker(const struct draw *d, uint32_t pos)
{
    if (peerset_tag(d->s, pos) == d->q->self_tag)
        return true;
    return d->q->self != NULL && peerset_key_is(d->s, pos, d->q->self);
}

static void
take(struct draw *d, uint32_t pos)
{
    if ((uint16_t)(d->q->now - peerset_seen(d->s, pos)) > d->q->age_max || is_asker(d, pos))
        return;
    if (d->s->key_len == COMPACT_V4_LEN)
        memcpy(d->out + (size_t)d->count * COMPACT_V4_LEN, peerset_key(d->s, pos), COMPACT_V4_LEN);
    else
        memcpy(d->out + (size_t)d->count * COMPACT_V6_LEN, peerset_key(d->s, pos), COMPACT_V6_LEN);
    if (d->ids != NULL && d->s->ids != NULL)
        memcpy(d->ids + (size_t)d->count * PEERSET_ID_LEN, d->s->ids + (size_t)pos * PEERSET_ID_LEN,
               PEERSET_ID_LEN);
    d->count++;
}

/* The next peer of |part|, if there is one. |turn| is how far the ring of |n| from |first| is
 * turned. */
static void
draw_from(struct draw *d, struct part *part, uint32_t first, uint32_t n, uint32_t turn)
{
    uint32_t at = part->start + part->drawn++;
    uint32_t i;

    at = part->first + (at < part->len ? at : at - part->len);
    i = at + turn;
    take(d, first + (i < n ? i : i - n));
}

static void
cut(struct part *parts, uint32_t count, uint32_t n, struct rng *rng)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t begin = (uint32_t)((uint64_t)i * n / count);
        uint32_t end = (uint32_t)((uint64_t)(i + 1) * n / count);

        parts[i] = (struct part){.first = begin, .len = end - begin};
        parts[i].start = rng_below(rng, parts[i].len);
    }
}

/* A run from each part, then one peer more from each for those that were passed over. */
static void
draw_runs(struct draw *d, struct rng *rng, uint32_t first, uint32_t n)
{
    uint32_t want = d->q->want < n ? d->q->want : n;
    uint32_t count = (want + RUN - 1) / RUN, run = (want + count - 1) / count;
    uint32_t turn = rng_below(rng, n), looks = want * LOOKS_PER_PEER + RUN;
    struct part parts[RUNS_MAX];

    cut(parts, count, n, rng);
    while (looks > 0) {
        uint32_t before = looks;

        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t k = 0; k < run && parts[i].drawn < parts[i].len && looks > 0; k++) {
                if (d->count == d->q->want)
                    return;
                draw_from(d, &parts[i], first, n, turn);
                looks--;
            }
        }
        if (looks == before)
            return;
        run = 1;
    }
}

uint32_t
select_peers(const struct peerset *s, struct rng *rng, const struct select_query *q, uint8_t *out,
             uint8_t *ids)
{
    struct draw d = {.s = s, .q = q, .out = out, .ids = ids};
    uint32_t first = q->leechers_only ? s->nseeds : 0;
    uint32_t n = peerset_count(s) - first;

    ASSERT(q->want <= SELECT_WANT_MAX);
    if (n > 0 && q->want > 0)
        draw_runs(&d, rng, first, n);
    return d.count;
}
