/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The picker's choice: what a peer is asked for next. Pieces under way first, then a new one by the
 * order or at random, then, in the endgame, what others are asked for. Changes no more than the
 * state of the blocks that it chose.
 */
#include "common/base/assert.h"
#include "peer/core/picker_impl.h"

enum {
    CANDIDATES_FEW = 1024,   /* so few pieces of a peer are looked at one by one */
    EXCLUSIVE_PARTIALS = 64, /* fast peers open no more pieces when so many wait for blocks */
    ENDGAME_LOOKS_MAX = 512, /* blocks considered in one call: each may cost a search of a list */
};

/* One call of picker_pick(). */
struct pick {
    struct picker *p;
    const struct bitfield *has;
    const struct picker_options *opt;
    bool (*already)(const void *ctx, uint32_t piece, uint32_t block);
    const void *ctx;
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
pick_block(struct pick *k, struct partial *pt, uint32_t block, uint8_t state)
{
    if (pt->requested == 0)
        pt->shared = false;
    else if (pt->asked != k->opt->peer)
        pt->shared = true;
    pt->asked = k->opt->peer;
    partials_set(&k->p->partials, pt, block, state);
    k->out[k->n++] = (struct picker_block){pt->piece, block};
}

static void
pick_free_blocks(struct pick *k, struct partial *pt)
{
    while (k->n < k->max && pt->free > 0)
        pick_block(k, pt, partial_next_free(pt), PARTIAL_REQUESTED);
}

/* True if nobody but this peer is asked for blocks of the piece. */
static bool
is_exclusive(const struct pick *k, const struct partial *pt)
{
    return pt->requested == 0 || (!pt->shared && pt->asked == k->opt->peer);
}

/* Is |a| the better one to go on with: the more important, then the rarer, then the fuller one. */
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
        if (!exclusive || is_exclusive(k, pt))
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

/* The bits of word |i| that this peer could give us. */
static uint64_t
candidates(const struct pick *k, uint32_t i)
{
    uint64_t w = picker_word(&k->p->want, i);

    if (w != 0)
        w &= picker_word(k->has, i);
    if (w != 0 && k->opt->only != NULL)
        w &= picker_word(k->opt->only, i);
    return w;
}

/* Are there so few candidates that looking at each is cheaper than a search in the order? */
static bool
has_few_candidates(const struct pick *k)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < picker_words(k->p); i++) {
        count += (uint32_t)__builtin_popcountll(candidates(k, i));
        if (count > CANDIDATES_FEW)
            return false;
    }
    return true;
}

/* The group of |group| neighbouring buckets that holds the first piece of the order. */
static uint32_t
first_group(const struct pickorder *o, uint32_t group)
{
    uint32_t b = 0;

    while (b + group < BUCKETS && o->begin[b + group] == 0)
        b += group;
    return b / group;
}

/* Looks at each candidate; the best bucket wins, where |group| neighbouring buckets are one. Among
 * equals the first wins in sequential mode, else each with the same chance. */
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
            if (!pickorder_has(o, piece))
                continue;
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

/* Searches the order bucket by bucket, each from a random place on. */
static uint32_t
choose_by_order(const struct pick *k, uint32_t group)
{
    const struct pickorder *o = &k->p->order;

    for (uint32_t b = 0; b < BUCKETS; b += group) {
        uint32_t begin = o->begin[b], size = o->begin[b + group] - begin, start;

        if (size == 0)
            continue;
        start = rng_below(k->p->rng, size);
        for (uint32_t i = start; i < size; i++)
            if (may_take(k, o->items[begin + i]))
                return o->items[begin + i];
        for (uint32_t i = 0; i < start; i++)
            if (may_take(k, o->items[begin + i]))
                return o->items[begin + i];
    }
    return PICKORDER_OUT;
}

static void
pick_from_new(struct pick *k)
{
    bool by_rarity = !k->opt->sequential && k->p->have.count >= PICKER_RANDOM_FIRST;
    uint32_t group = by_rarity ? 1 : RARITY_LEVELS;
    bool walk;

    if (k->n == k->max || pickorder_count(&k->p->order) == 0)
        return;
    walk = k->opt->sequential || has_few_candidates(k);
    while (k->n < k->max) {
        uint32_t piece = walk ? choose_by_walk(k, group) : choose_by_order(k, group);
        struct partial *pt = piece != PICKORDER_OUT ? picker_piece_open(k->p, piece) : NULL;

        if (pt == NULL)
            return;
        pick_free_blocks(k, pt);
    }
}

/* Blocks of one piece that |copies| others, but not this peer, are asked for; at most |*looks| are
 * considered. */
static void
pick_copies_of(struct pick *k, struct partial *pt, uint8_t copies, uint32_t *looks)
{
    uint32_t left = pt->requested;

    for (uint32_t b = 0; left > 0 && *looks > 0 && k->n < k->max; b++) {
        if (!partial_is_requested(pt, b))
            continue;
        left--;
        if (pt->state[b] != copies)
            continue;
        --*looks;
        if (!k->already(k->ctx, pt->piece, b))
            pick_block(k, pt, b, copies + 1);
    }
}

/* The endgame: blocks with the fewest others asked, from a random piece on, so that idle peers
 * don't all take the same. */
static void
pick_copies(struct pick *k)
{
    struct partials *ps = &k->p->partials;
    uint32_t start = ps->count > 0 ? rng_below(k->p->rng, ps->count) : 0;
    uint32_t looks = ENDGAME_LOOKS_MAX;

    if (k->max > PICKER_ENDGAME_FLIGHT - k->opt->in_flight)
        k->max = PICKER_ENDGAME_FLIGHT - k->opt->in_flight;
    for (uint8_t copies = 1; copies < PICKER_ENDGAME_COPIES && k->n == 0; copies++)
        for (uint32_t i = 0; i < ps->count && k->n < k->max; i++) {
            struct partial *pt = ps->v[(start + i) % ps->count];

            if (may_take(k, pt->piece) && bitfield_get(&k->p->want, pt->piece))
                pick_copies_of(k, pt, copies, &looks);
        }
}

/* Is there a block to request that is in no piece under way? What nobody has does not count. */
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
            bool (*already)(const void *ctx, uint32_t piece, uint32_t block), const void *ctx,
            struct picker_block *out, uint32_t max)
{
    struct pick k = {p, has, opt, already, ctx, out, max, 0};

    ASSERT(has->nbits == p->count && (opt->only == NULL || opt->only->nbits == p->count));
    picker_order_refresh(p);
    if (opt->exclusive && p->partials.count_free < EXCLUSIVE_PARTIALS) {
        pick_from_partials(&k, true);
        pick_from_new(&k);
    }
    pick_from_partials(&k, false);
    pick_from_new(&k);
    if (k.n == 0 && max > 0 && opt->in_flight < PICKER_ENDGAME_IDLE && picker_endgame(p))
        pick_copies(&k);
    return k.n;
}
