/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Offers are few per peer and lie in an array; fresh pieces are a bitfield that is searched from a
 * random place on.
 */
#include "peer/core/superseed.h"

#include <string.h>

int
superseed_init(struct superseed *s, const struct picker *picker, struct rng *rng, uint32_t pieces)
{
    *s = (struct superseed){.picker = picker, .rng = rng};
    return bitfield_init(&s->fresh, pieces);
}

void
superseed_fini(struct superseed *s)
{
    bitfield_fini(&s->fresh);
}

/* It can be offered (again) if nobody but us has it. */
static void
give_back(struct superseed *s, uint32_t piece)
{
    if (bitfield_get(picker_bitfield(s->picker), piece) &&
        picker_availability(s->picker, piece) == 0)
        bitfield_set(&s->fresh, piece);
}

void
superseed_begin(struct superseed *s)
{
    for (uint32_t i = 0; i < s->fresh.nbits; i++)
        give_back(s, i);
}

void
superseed_on_have(struct superseed *s, uint32_t piece)
{
    if (s->fresh.count > 0)
        bitfield_clear(&s->fresh, piece);
}

void
superseed_on_bitfield(struct superseed *s, const struct bitfield *has)
{
    if (bitfield_full(has)) {
        bitfield_clear_all(&s->fresh);
        return;
    }
    for (uint32_t i = bitfield_next_set(has, 0); i < has->nbits && s->fresh.count > 0;
         i = bitfield_next_set(has, i + 1))
        bitfield_clear(&s->fresh, i);
}

static void
forget(struct superseed_peer *p, uint32_t i)
{
    p->waiting -= !p->offers[i].begun;
    p->count--;
    memmove(&p->offers[i], &p->offers[i + 1], (p->count - i) * sizeof(p->offers[0]));
}

static uint32_t
find(const struct superseed_peer *p, uint32_t piece)
{
    uint32_t i = 0;

    while (i < p->count && p->offers[i].piece != piece)
        i++;
    return i;
}

static void
remember(struct superseed *s, struct superseed_peer *p, uint32_t piece, bool begun)
{
    bitfield_clear(&s->fresh, piece);
    if (p->count == SUPERSEED_OFFERS_MAX)
        forget(p, 0);
    p->offers[p->count++] = (struct superseed_offer){piece, begun};
    p->waiting += !begun;
}

uint32_t
superseed_offer(struct superseed *s, struct superseed_peer *p)
{
    uint32_t piece;

    if (s->fresh.count == 0)
        return SUPERSEED_NONE;
    piece = bitfield_next_set(&s->fresh, rng_below(s->rng, s->fresh.nbits));
    if (piece == s->fresh.nbits)
        piece = bitfield_next_set(&s->fresh, 0);
    remember(s, p, piece, false);
    return piece;
}

void
superseed_on_request(struct superseed *s, struct superseed_peer *p, uint32_t piece)
{
    uint32_t i = find(p, piece);

    if (i == p->count) {
        if (bitfield_get(&s->fresh, piece))
            remember(s, p, piece, true);
    } else if (!p->offers[i].begun) {
        p->offers[i].begun = true;
        p->waiting--;
    }
}

void
superseed_on_taken(struct superseed_peer *p, uint32_t piece)
{
    uint32_t i = find(p, piece);

    if (i < p->count)
        forget(p, i);
}

void
superseed_on_choke(struct superseed *s, struct superseed_peer *p)
{
    for (uint32_t i = p->count; i-- > 0;) {
        if (p->offers[i].begun)
            continue;
        give_back(s, p->offers[i].piece);
        forget(p, i);
    }
}

void
superseed_on_gone(struct superseed *s, struct superseed_peer *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        give_back(s, p->offers[i].piece);
    *p = (struct superseed_peer){0};
}
