/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Two ways to draw without repeats, by how the number wanted compares with the range. From a small
 * range: a shuffle of positions on the stack, stopped when enough are found. From a large one:
 * random positions, with a small table of those that were drawn already; fewer than half can be
 * taken, so that a draw rarely repeats.
 */
#include "tracker/core/select.h"

#include <string.h>

#include "common/base/assert.h"

enum {
    SMALL_RANGE_MAX = 2 * SELECT_WANT_MAX,
    DRAWN_SLOTS = 1024, /* a power of two, more than twice what can be drawn */
    DRAWS_PER_PEER = 2, /* how many draws a wanted peer may take before we give up on the rest */
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
    return d->q->self != NULL && memcmp(peerset_key(d->s, pos), d->q->self, d->s->key_len) == 0;
}

static void
take(struct draw *d, uint32_t pos)
{
    if ((uint16_t)(d->q->now - peerset_seen(d->s, pos)) > d->q->age_max || is_asker(d, pos))
        return;
    memcpy(d->out + (size_t)d->count * d->s->key_len, peerset_key(d->s, pos), d->s->key_len);
    if (d->ids != NULL && d->s->ids != NULL)
        memcpy(d->ids + (size_t)d->count * PEERSET_ID_LEN, d->s->ids + (size_t)pos * PEERSET_ID_LEN,
               PEERSET_ID_LEN);
    d->count++;
}

/* Fisher and Yates, from the front, for as long as it is needed. */
static void
draw_small(struct draw *d, struct rng *rng, uint32_t first, uint32_t n)
{
    uint16_t order[SMALL_RANGE_MAX];

    for (uint32_t i = 0; i < n; i++)
        order[i] = (uint16_t)i;
    for (uint32_t i = 0; i < n && d->count < d->q->want; i++) {
        uint32_t j = i + rng_below(rng, n - i);
        uint16_t drawn = order[j];

        order[j] = order[i];
        take(d, first + drawn);
    }
}

/* Notes |pos|; false if it was noted before. */
static bool
note_drawn(uint32_t *slots, uint32_t pos)
{
    uint32_t slot = (pos * 2654435769u) >> 22;

    while (slots[slot] != 0) {
        if (slots[slot] == pos + 1)
            return false;
        slot = (slot + 1) & (DRAWN_SLOTS - 1);
    }
    slots[slot] = pos + 1;
    return true;
}

static void
draw_large(struct draw *d, struct rng *rng, uint32_t first, uint32_t n)
{
    uint32_t drawn[DRAWN_SLOTS] = {0};
    uint32_t draws = d->q->want * DRAWS_PER_PEER + 1;

    for (; draws > 0 && d->count < d->q->want; draws--) {
        uint32_t i = rng_below(rng, n);

        if (note_drawn(drawn, i))
            take(d, first + i);
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
    if (n <= SMALL_RANGE_MAX)
        draw_small(&d, rng, first, n);
    else
        draw_large(&d, rng, first, n);
    return d.count;
}
