/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The picker's choice: which blocks to request from a peer next. Pieces under way come first, then
 * a new piece by the order or at random. Nothing changes except the state of the chosen blocks.
 */
#include "common/base/assert.h"
#include "peer/core/picker_impl.h"

enum {
    CANDIDATES_FEW = 64,   /* up to this number, all candidate pieces of a peer are examined */
    ORDER_LOOKS_MIN = 128, /* entries of the order, and in addition 1/ORDER_LOOKS_PART of it, that
                              are searched before all candidates are examined */
    ORDER_LOOKS_PART = 8,
    EXCLUSIVE_PARTIALS = 64, /* while this many pieces wait for blocks, fast peers begin no further
                                pieces */
};

/* One call of picker_pick(). */
struct pick {
    struct picker *p;
    const struct bitfield *has;
    const struct picker_options *opt;
    struct picker_block *out;
    uint32_t max;
    uint32_t n;
};

static bool
may_take(const struct pick *k, uint32_t piece)
{
    return bitfield_get(k->has, piece) &&
           (k->opt->only == NULL || bitfield_get(k->opt->only, piece));
}

static void
mark_asked(struct partial *pt, uint32_t peer)
{
    if (pt->requested == 0)
        pt->shared = false;
    else if (pt->asked != peer)
        pt->shared = true;
    pt->asked = peer;
}

static void
pick_block(struct pick *k, struct partial *pt, uint32_t block)
{
    mark_asked(pt, k->opt->peer);
    partials_set(&k->p->partials, pt, block, PARTIAL_REQUESTED);
    k->out[k->n++] = (struct picker_block){pt->piece, block};
}

static void
pick_free_blocks(struct pick *k, struct partial *pt)
{
    while (k->n < k->max && pt->free > 0)
        pick_block(k, pt, partial_next_free(pt));
}

/* True if no other peer is asked for blocks of the piece. */
static bool
is_exclusive(const struct pick *k, const struct partial *pt)
{
    return pt->requested == 0 || (!pt->shared && pt->asked == k->opt->peer);
}

/* A piece in solo mode stays with the peer that began it, also while no request is open: on a slow
 * line that is most of the time, and otherwise each copy would again come from many peers. */
static bool
may_go_on_alone(const struct pick *k, const struct partial *pt)
{
    return is_exclusive(k, pt) &&
           (pt->asked == PARTIAL_SOURCE_NONE || pt->asked == k->opt->peer);
}

/* Is |a| the better piece to continue: of higher priority, then rarer, then fuller? */
static bool
is_better(const struct pick *k, const struct partial *a, const struct partial *b)
{
    const struct piece *pa = &k->p->pieces[a->piece], *pb = &k->p->pieces[b->piece];

    if (pa->priority != pb->priority)
        return pa->priority > pb->priority;
    if (!k->opt->sequential && pa->peers != pb->peers)
        return pa->peers < pb->peers;
    if (!k->opt->sequential && a->free != b->free)
        return a->free < b->free;
    return a->piece < b->piece;
}

static struct partial *
best_partial(const struct pick *k, bool exclusive)
{
    const struct partials *ps = &k->p->partials;
    struct partial *best = NULL;

    for (uint32_t i = 0; i < ps->count_free; i++) {
        struct partial *pt = ps->v[i];

        if (!may_take(k, pt->piece) || !bitfield_get(&k->p->want, pt->piece) ||
            k->p->pieces[pt->piece].held)
            continue;
        if (best != NULL && !is_better(k, pt, best))
            continue;
        if (k->p->pieces[pt->piece].solo ? may_go_on_alone(k, pt)
                                         : !exclusive || is_exclusive(k, pt))
            best = pt;
    }
    return best;
}

static void
pick_from_partials(struct pick *k, bool exclusive)
{
    struct partial *pt;

    while (k->n < k->max && (pt = best_partial(k, exclusive)) != NULL)
        pick_free_blocks(k, pt);
}

/* The bits of word |i| that are in the order and that this peer has. */
static uint64_t
candidates(const struct pick *k, uint32_t i)
{
    uint64_t w = picker_word(&k->p->order.in, i);

    if (w != 0)
        w &= picker_word(k->has, i);
    if (w != 0 && k->opt->only != NULL)
        w &= picker_word(k->opt->only, i);
    return w;
}

/* The number of candidates; CANDIDATES_FEW + 1 if there are more. */
static uint32_t
count_candidates(const struct pick *k)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < picker_words(k->p); i++)
        for (uint64_t w = candidates(k, i); w != 0; w &= w - 1)
            if (++count > CANDIDATES_FEW)
                return count;
    return count;
}

/* The group of |group| neighbouring buckets that holds the first piece of the order. */
static uint32_t
first_group(const struct pickorder *o, uint32_t group)
{
    uint32_t b = 0;

    while (b + RARITY_LEVELS < BUCKETS && o->begin[b + RARITY_LEVELS] == 0)
        b += RARITY_LEVELS;
    while (b + group < BUCKETS && o->begin[b + group] == 0)
        b += group;
    return b / group;
}

/* Examines each candidate; the best bucket wins, where |group| neighbouring buckets count as one.
 * Among equals the first wins in sequential mode, else each has the same chance. */
static uint32_t
choose_by_walk(const struct pick *k, uint32_t group)
{
    const struct pickorder *o = &k->p->order;
    uint32_t best = PICKORDER_OUT, best_group = BUCKETS, equals = 0;
    uint32_t first = first_group(o, group);

    for (uint32_t i = 0; i < picker_words(k->p); i++) {
        for (uint64_t w = candidates(k, i); w != 0;) {
            uint32_t bit = (uint32_t)__builtin_clzll(w), piece = i * WORD_BITS + bit, of;

            w &= ~(UINT64_C(1) << (WORD_BITS - 1 - bit));
            of = picker_bucket(k->p, piece) / group;
            if (of == first && k->opt->sequential)
                return piece;
            if (of < best_group) {
                best_group = of;
                best = piece;
                equals = 1;
            } else if (of == best_group && !k->opt->sequential &&
                       rng_below(k->p->rng, ++equals) == 0) {
                best = piece;
            }
        }
    }
    return best;
}

/* The first piece in |items| that the peer has, from a random index on; PICKORDER_OUT if there is
 * none or |*looks| are used up. */
static uint32_t
search_bucket(const struct pick *k, const uint32_t *items, uint32_t size, uint32_t *looks)
{
    uint32_t start = rng_below(k->p->rng, size);

    for (uint32_t n = 0, i = start; n < size && *looks > 0; n++, --*looks) {
        if (may_take(k, items[i]))
            return items[i];
        i = i + 1 < size ? i + 1 : 0;
    }
    return PICKORDER_OUT;
}

/* Searches the order bucket by bucket, up to a limited number of entries. */
static uint32_t
choose_by_order(const struct pick *k, uint32_t group)
{
    const struct pickorder *o = &k->p->order;
    uint32_t looks = ORDER_LOOKS_MIN + pickorder_count(o) / ORDER_LOOKS_PART;

    for (uint32_t b = first_group(o, group) * group; b < BUCKETS && looks > 0; b += group) {
        uint32_t size = o->begin[b + group] - o->begin[b], piece;

        if (size == 0)
            continue;
        piece = search_bucket(k, o->items + o->begin[b], size, &looks);
        if (piece != PICKORDER_OUT || o->begin[b + group] == pickorder_count(o))
            return piece;
    }
    return PICKORDER_OUT;
}

/* The best piece of the order that the peer has, or PICKORDER_OUT. A peer with many pieces usually
 * has one of the first in the order; if it does not, or has few pieces, each piece is examined. */
static uint32_t
choose_new(const struct pick *k, uint32_t group)
{
    uint32_t count = count_candidates(k), piece = PICKORDER_OUT;

    if (count == 0)
        return PICKORDER_OUT;
    if (count > CANDIDATES_FEW && !k->opt->sequential)
        piece = choose_by_order(k, group);
    return piece != PICKORDER_OUT ? piece : choose_by_walk(k, group);
}

/* A piece that the peer suggests if it is as good as |piece|, else |piece|. */
static uint32_t
prefer_hint(const struct pick *k, uint32_t piece, uint32_t group)
{
    for (uint32_t i = 0; i < k->opt->hint_count && !k->opt->sequential; i++) {
        uint32_t hint = k->opt->hints[i];

        if (hint < k->p->count && pickorder_has(&k->p->order, hint) && may_take(k, hint) &&
            picker_bucket(k->p, hint) / group == picker_bucket(k->p, piece) / group)
            return hint;
    }
    return piece;
}

static void
pick_from_new(struct pick *k)
{
    bool by_rarity = !k->opt->sequential && k->p->have.count >= PICKER_RANDOM_FIRST;
    uint32_t group = by_rarity ? 1 : RARITY_LEVELS;

    while (k->n < k->max && pickorder_count(&k->p->order) > 0) {
        uint32_t piece = choose_new(k, group);
        struct partial *pt;

        if (piece == PICKORDER_OUT)
            return;
        pt = picker_piece_open(k->p, prefer_hint(k, piece, group));
        if (pt == NULL)
            return;
        pick_free_blocks(k, pt);
    }
}

/* Is there a block to request in a piece that is not under way? Pieces that no peer has do not
 * count. */
static bool
has_new_to_request(const struct picker *p)
{
    const struct pickorder *o = &p->order;
    uint32_t unobtainable = 0;

    if (p->dirty) {
        for (uint32_t i = 0; i < p->count; i++)
            if (picker_is_pickable(p, i) && picker_availability(p, i) > 0)
                return true;
        return false;
    }
    if (p->seeds == 0)
        for (uint32_t b = 0; b < BUCKETS; b += RARITY_LEVELS)
            unobtainable += o->begin[b + 1] - o->begin[b];
    return pickorder_count(o) > unobtainable;
}

bool
picker_endgame(const struct picker *p)
{
    if (p->missing == 0 || p->missing_held > 0 || has_new_to_request(p))
        return false;
    for (uint32_t i = 0; i < p->partials.count_free; i++) {
        uint32_t piece = p->partials.v[i]->piece;

        if (bitfield_get(&p->want, piece) && picker_availability(p, piece) > 0)
            return false;
    }
    return p->partials.count > 0;
}

uint32_t
picker_pick(struct picker *p, const struct bitfield *has, const struct picker_options *opt,
            struct picker_block *out, uint32_t max)
{
    struct pick k = {p, has, opt, out, max, 0};

    ASSERT(has->nbits == p->count && (opt->only == NULL || opt->only->nbits == p->count));
    if (picker_order_refresh(p) != 0)
        return 0;
    if (opt->exclusive && p->partials.count_free < EXCLUSIVE_PARTIALS) {
        pick_from_partials(&k, true);
        pick_from_new(&k);
    }
    pick_from_partials(&k, false);
    pick_from_new(&k);
    return k.n;
}

bool
picker_pick_again(struct picker *p, uint32_t piece, uint32_t block, uint32_t peer)
{
    struct partial *pt = partials_get(&p->partials, piece);

    if (pt == NULL || block >= pt->nblocks || !partial_is_requested(pt, block) ||
        p->pieces[piece].solo || pt->state[block] >= PICKER_ENDGAME_COPIES)
        return false;
    mark_asked(pt, peer);
    partials_set(&p->partials, pt, block, pt->state[block] + 1);
    return true;
}
