/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state of each piece. Pieces that are wanted, missing and not under way are sorted by priority
 * and rarity (pickorder.h); pieces under way have a state per block (partials.h). Seeds are counted
 * separately, since they make no piece rarer than another.
 *
 * A single change updates the order; a bulk change only marks it, and the next choice sorts it
 * again.
 */
#include "peer/core/picker.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/picker_impl.h"

enum { CHANGES_MAX = 32 }; /* after more single changes between two picks, sorting again is
                              cheaper */

struct picker *
picker_new(const struct geometry *g, struct rng *rng)
{
    struct picker *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->g = g;
    p->rng = rng;
    p->count = g->piece_count;
    p->pieces = calloc((size_t)p->count + 1, sizeof(*p->pieces));
    if (p->pieces == NULL || bitfield_init(&p->have, p->count) < 0 ||
        bitfield_init(&p->want, p->count) < 0 || pickorder_init(&p->order, p->count, BUCKETS) < 0 ||
        partials_init(&p->partials, p->count) < 0) {
        picker_free(p);
        return NULL;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        p->pieces[i].priority = PICKER_PRIORITY_NORMAL;
        p->pieces[i].empty = geometry_blocks(g, i) == 0;
        if (!p->pieces[i].empty)
            bitfield_set(&p->want, i);
    }
    p->missing = p->count;
    p->dirty = true;
    return p;
}

void
picker_free(struct picker *p)
{
    if (p == NULL)
        return;
    partials_fini(&p->partials);
    pickorder_fini(&p->order);
    bitfield_fini(&p->want);
    bitfield_fini(&p->have);
    free(p->pieces);
    free(p);
}

/* --- the order ------------------------------------------------------------------------------- */

static uint32_t
bucket_of(const void *ctx, uint32_t piece)
{
    const struct picker *p = ctx;

    return picker_is_pickable(p, piece) ? picker_bucket(p, piece) : PICKORDER_OUT;
}

int
picker_order_refresh(struct picker *p)
{
    if (p->dirty && pickorder_rebuild(&p->order, bucket_of, p) != 0)
        return SPRAT_E_NOMEM;
    p->dirty = false;
    p->changes = 0;
    return 0;
}

/* Called before each single change of the order; false if sorting again is cheaper. */
static bool
order_may_change(struct picker *p)
{
    if (++p->changes > CHANGES_MAX)
        p->dirty = true;
    return !p->dirty;
}

/* Each change of a piece's state happens between piece_out() and piece_in(). */
static void
piece_out(struct picker *p, uint32_t piece)
{
    bool missing = p->pieces[piece].priority > 0 && !bitfield_get(&p->have, piece);

    p->missing -= missing;
    p->missing_held -= missing && p->pieces[piece].held;
    if (order_may_change(p) && pickorder_has(&p->order, piece))
        pickorder_remove(&p->order, piece, picker_bucket(p, piece));
    bitfield_clear(&p->want, piece);
}

static void
piece_in(struct picker *p, uint32_t piece)
{
    bool missing = p->pieces[piece].priority > 0 && !bitfield_get(&p->have, piece);

    p->missing += missing;
    p->missing_held += missing && p->pieces[piece].held;
    if (missing && !p->pieces[piece].empty)
        bitfield_set(&p->want, piece);
    if (!p->dirty && picker_is_pickable(p, piece))
        pickorder_add(&p->order, piece, picker_bucket(p, piece));
}

struct partial *
picker_piece_open(struct picker *p, uint32_t piece)
{
    struct partial *pt = partials_open(&p->partials, piece, geometry_blocks(p->g, piece));

    if (pt != NULL && !p->dirty && pickorder_has(&p->order, piece))
        pickorder_remove(&p->order, piece, picker_bucket(p, piece));
    return pt;
}

static void
piece_close(struct picker *p, struct partial *pt)
{
    uint32_t piece = pt->piece;

    partials_close(&p->partials, pt);
    if (order_may_change(p) && picker_is_pickable(p, piece))
        pickorder_add(&p->order, piece, picker_bucket(p, piece));
}

/* Closes a piece under way all of whose blocks are FREE again. */
static void
close_if_free(struct picker *p, struct partial *pt)
{
    if (pt->free == pt->nblocks)
        piece_close(p, pt);
}

/* --- availability ---------------------------------------------------------------------------- */

void
picker_add_have(struct picker *p, uint32_t piece)
{
    uint32_t from;

    ASSERT(piece < p->count && p->pieces[piece].peers < UINT16_MAX);
    from = picker_bucket(p, piece);
    p->pieces[piece].peers++;
    if (!p->dirty && pickorder_has(&p->order, piece) && picker_bucket(p, piece) != from)
        pickorder_move_up(&p->order, piece, from);
}

/* A seed that lost a piece is counted piece by piece from now on. */
static void
split_seed(struct picker *p)
{
    ASSERT(p->seeds > 0);
    for (uint32_t i = 0; i < p->count; i++)
        p->pieces[i].peers++;
    p->seeds--;
    p->dirty = true;
}

void
picker_remove_have(struct picker *p, uint32_t piece)
{
    uint32_t from;

    ASSERT(piece < p->count);
    if (p->pieces[piece].peers == 0)
        split_seed(p);
    from = picker_bucket(p, piece);
    p->pieces[piece].peers--;
    if (!p->dirty && pickorder_has(&p->order, piece) && picker_bucket(p, piece) != from)
        pickorder_move_down(&p->order, piece, from);
}

/* A peer that came with a part of the pieces and leaves as a seed was counted piece by piece:
 * without a correction, every piece would count once too often and the seeds once too little. */
static void
settle_seeds(struct picker *p)
{
    if (p->seeds >= 0)
        return;
    for (uint32_t i = 0; i < p->count; i++) {
        ASSERT(p->pieces[i].peers > 0);
        p->pieces[i].peers--;
    }
    p->seeds++;
    p->dirty = true;
}

void
picker_add_peer(struct picker *p, const struct bitfield *has)
{
    ASSERT(has->nbits == p->count);
    if (bitfield_full(has)) {
        p->seeds++;
        return;
    }
    if (has->count > CHANGES_MAX)
        p->dirty = true;
    for (uint32_t i = bitfield_next_set(has, 0); i < p->count; i = bitfield_next_set(has, i + 1))
        picker_add_have(p, i);
}

void
picker_remove_peer(struct picker *p, const struct bitfield *has)
{
    ASSERT(has->nbits == p->count);
    if (bitfield_full(has)) {
        p->seeds--;
        settle_seeds(p);
        return;
    }
    if (has->count > CHANGES_MAX)
        p->dirty = true;
    for (uint32_t i = bitfield_next_set(has, 0); i < p->count; i = bitfield_next_set(has, i + 1))
        picker_remove_have(p, i);
}

uint32_t
picker_availability(const struct picker *p, uint32_t piece)
{
    return p->pieces[piece].peers + (uint32_t)p->seeds;
}

uint64_t
picker_copies_permille(const struct picker *p)
{
    uint32_t least = UINT32_MAX, above = 0;

    if (p->count == 0)
        return 0;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->pieces[i].peers < least)
            least = p->pieces[i].peers;
    for (uint32_t i = 0; i < p->count; i++)
        above += p->pieces[i].peers > least;
    return (least + (uint64_t)p->seeds) * 1000 + (uint64_t)above * 1000 / p->count;
}

/* --- pieces that we want and have ------------------------------------------------------------ */

void
picker_set_priority(struct picker *p, uint32_t piece, unsigned priority)
{
    ASSERT(piece < p->count && priority <= PICKER_PRIORITY_MAX);
    if (p->pieces[piece].priority == priority)
        return;
    piece_out(p, piece);
    p->pieces[piece].priority = (uint8_t)priority;
    piece_in(p, piece);
}

unsigned
picker_priority(const struct picker *p, uint32_t piece)
{
    return p->pieces[piece].priority;
}

void
picker_have(struct picker *p, uint32_t piece)
{
    struct partial *pt = partials_get(&p->partials, piece);

    ASSERT(piece < p->count);
    piece_out(p, piece);
    p->pieces[piece].solo = false;
    bitfield_set(&p->have, piece);
    if (pt != NULL)
        piece_close(p, pt);
    piece_in(p, piece);
}

const struct bitfield *
picker_bitfield(const struct picker *p)
{
    return &p->have;
}

void
picker_hold(struct picker *p, uint32_t piece, bool held)
{
    ASSERT(piece < p->count);
    if (p->pieces[piece].held == held)
        return;
    piece_out(p, piece);
    p->pieces[piece].held = held;
    piece_in(p, piece);
}

uint32_t
picker_missing(const struct picker *p)
{
    return p->missing;
}

void
picker_solo(struct picker *p, uint32_t piece)
{
    ASSERT(piece < p->count);
    p->pieces[piece].solo = true;
}

void
picker_leave(struct picker *p, uint32_t peer)
{
    for (uint32_t i = 0; i < p->partials.count; i++) {
        struct partial *pt = p->partials.v[i];

        if (pt->asked == peer && pt->requested == 0)
            pt->asked = PARTIAL_SOURCE_NONE;
    }
}

bool
picker_wants(const struct picker *p, uint32_t piece)
{
    return bitfield_get(&p->want, piece);
}

bool
picker_interested(const struct picker *p, const struct bitfield *has)
{
    ASSERT(has->nbits == p->count);
    for (uint32_t i = 0; i < picker_words(p); i++)
        if (picker_word(has, i) & picker_word(&p->want, i))
            return true;
    return false;
}

/* --- blocks ---------------------------------------------------------------------------------- */

void
picker_abort(struct picker *p, uint32_t piece, uint32_t block)
{
    struct partial *pt = partials_get(&p->partials, piece);

    if (pt == NULL || block >= pt->nblocks || !partial_is_requested(pt, block))
        return;
    partials_set(&p->partials, pt, block, pt->state[block] - 1);
    close_if_free(p, pt);
}

bool
picker_writing(struct picker *p, uint32_t piece, uint32_t block, uint32_t from)
{
    struct partial *pt = partials_get(&p->partials, piece);

    if (pt == NULL) {
        if (!bitfield_get(&p->want, piece) || block >= geometry_blocks(p->g, piece))
            return false;
        pt = picker_piece_open(p, piece);
        if (pt == NULL)
            return false;
    }
    if (block >= pt->nblocks || pt->state[block] >= PARTIAL_WRITING)
        return false;
    if (p->pieces[piece].solo && pt->asked != PARTIAL_SOURCE_NONE && pt->asked != from)
        return false;
    partials_set(&p->partials, pt, block, PARTIAL_WRITING);
    pt->source[block] = from;
    return true;
}

bool
picker_stored(struct picker *p, uint32_t piece, uint32_t block)
{
    struct partial *pt = partials_get(&p->partials, piece);

    if (pt == NULL || block >= pt->nblocks || pt->state[block] != PARTIAL_WRITING)
        return false;
    partials_set(&p->partials, pt, block, PARTIAL_STORED);
    return pt->stored == pt->nblocks;
}

void
picker_block_bad(struct picker *p, uint32_t piece, uint32_t block)
{
    struct partial *pt = partials_get(&p->partials, piece);

    if (pt == NULL || block >= pt->nblocks || pt->state[block] < PARTIAL_WRITING)
        return;
    partials_set(&p->partials, pt, block, PARTIAL_FREE);
    close_if_free(p, pt);
}

void
picker_piece_bad(struct picker *p, uint32_t piece)
{
    struct partial *pt = partials_get(&p->partials, piece);

    if (pt == NULL)
        return;
    for (uint32_t b = 0; b < pt->nblocks; b++)
        if (pt->state[b] >= PARTIAL_WRITING)
            partials_set(&p->partials, pt, b, PARTIAL_FREE);
    close_if_free(p, pt);
}

unsigned
picker_requests(const struct picker *p, uint32_t piece, uint32_t block)
{
    const struct partial *pt = partials_get(&p->partials, piece);

    return pt != NULL && block < pt->nblocks && partial_is_requested(pt, block) ? pt->state[block]
                                                                                : 0;
}

uint32_t
picker_source(const struct picker *p, uint32_t piece, uint32_t block)
{
    const struct partial *pt = partials_get(&p->partials, piece);

    return pt != NULL && block < pt->nblocks ? pt->source[block] : PARTIAL_SOURCE_NONE;
}

bool
picker_next_partial(const struct picker *p, uint32_t *piece)
{
    *piece = bitfield_next_set(&p->partials.open, *piece);
    return *piece < p->count;
}

uint32_t
picker_partial_bytes(const struct picker *p, uint32_t piece)
{
    const struct partial *pt = partials_get(&p->partials, piece);
    uint32_t last;

    if (pt == NULL || pt->stored == 0)
        return 0;
    last = pt->nblocks - 1;
    if (pt->state[last] != PARTIAL_STORED)
        return pt->stored * BLOCK_LEN;
    return (pt->stored - 1) * BLOCK_LEN + geometry_block_len(p->g, piece, last);
}
