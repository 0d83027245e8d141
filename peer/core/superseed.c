/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The few offers of a peer are an array; fresh pieces are a bitfield, which is searched from a
 * random index on.
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

/* Makes the piece fresh (again) if no peer has it. */
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
    p->waiting -= p->offers[i].state == SUPERSEED_WAITING;
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
remember(struct superseed *s, struct superseed_peer *p, uint32_t piece, enum superseed_state state)
{
    bitfield_clear(&s->fresh, piece);
    if (p->count == SUPERSEED_OFFERS_MAX)
        forget(p, 0);
    p->offers[p->count++] = (struct superseed_offer){piece, state};
    p->waiting += state == SUPERSEED_WAITING;
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
    remember(s, p, piece, SUPERSEED_WAITING);
    return piece;
}

uint32_t
superseed_offer_any(struct superseed *s, struct superseed_peer *p, const struct bitfield *had,
                    const struct bitfield *shown)
{
    uint32_t best = SUPERSEED_NONE, least = UINT32_MAX, equals = 0;

    for (uint32_t i = 0; i < s->fresh.nbits; i++) {
        uint32_t copies = picker_availability(s->picker, i);

        if (copies > least || bitfield_get(had, i) || bitfield_get(shown, i) ||
            !bitfield_get(picker_bitfield(s->picker), i))
            continue;
        if (copies < least)
            equals = 0;
        least = copies;
        if (rng_below(s->rng, ++equals) == 0)
            best = i;
    }
    if (best != SUPERSEED_NONE)
        remember(s, p, best, SUPERSEED_WAITING);
    return best;
}

void
superseed_on_request(struct superseed *s, struct superseed_peer *p, uint32_t piece)
{
    uint32_t i = find(p, piece);

    if (i == p->count) {
        if (bitfield_get(&s->fresh, piece))
            remember(s, p, piece, SUPERSEED_BEGUN);
    } else if (p->offers[i].state == SUPERSEED_WAITING) {
        p->offers[i].state = SUPERSEED_BEGUN;
        p->waiting--;
    }
}

void
superseed_on_taken(struct superseed_peer *p, uint32_t piece, bool hold)
{
    uint32_t i = find(p, piece);

    if (i == p->count)
        return;
    if (!hold) {
        forget(p, i);
        return;
    }
    p->waiting -= p->offers[i].state == SUPERSEED_WAITING;
    p->offers[i].state = SUPERSEED_HELD;
}

bool
superseed_on_seen(struct superseed_peer *p, uint32_t piece)
{
    uint32_t i = find(p, piece);

    if (i == p->count)
        return false;
    forget(p, i);
    return true;
}

bool
superseed_release(struct superseed_peer *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->offers[i].state == SUPERSEED_HELD) {
            forget(p, i);
            return true;
        }
    return false;
}

void
superseed_on_choke(struct superseed *s, struct superseed_peer *p)
{
    for (uint32_t i = p->count; i-- > 0;) {
        if (p->offers[i].state != SUPERSEED_WAITING)
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
