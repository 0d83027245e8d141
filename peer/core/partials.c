/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of pieces under way and of their blocks' states.
 */
#include "peer/core/partials.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

int
partials_init(struct partials *ps, uint32_t pieces)
{
    *ps = (struct partials){0};
    ps->index_of = calloc((size_t)pieces + 1, sizeof(*ps->index_of));
    if (ps->index_of == NULL || bitfield_init(&ps->open, pieces) < 0) {
        partials_fini(ps);
        return SPRAT_E_NOMEM;
    }
    return 0;
}

void
partials_fini(struct partials *ps)
{
    for (uint32_t i = 0; i < ps->count; i++)
        free(ps->v[i]);
    free(ps->v);
    free(ps->index_of);
    bitfield_fini(&ps->open);
    *ps = (struct partials){0};
}

struct partial *
partials_get(const struct partials *ps, uint32_t piece)
{
    return bitfield_get(&ps->open, piece) ? ps->v[ps->index_of[piece]] : NULL;
}

static void
put(struct partials *ps, uint32_t index, struct partial *pt)
{
    ps->v[index] = pt;
    pt->index = index;
    ps->index_of[pt->piece] = index;
}

static void
swap(struct partials *ps, uint32_t a, uint32_t b)
{
    struct partial *was = ps->v[a];

    put(ps, a, ps->v[b]);
    put(ps, b, was);
}

static int
grow(struct partials *ps)
{
    uint32_t cap = ps->cap > 0 ? ps->cap * 2 : 16;
    struct partial **v = realloc(ps->v, cap * sizeof(*v));

    if (v == NULL)
        return SPRAT_E_NOMEM;
    ps->v = v;
    ps->cap = cap;
    return 0;
}

static struct partial *
partial_new(uint32_t piece, uint32_t nblocks)
{
    struct partial *pt = malloc(sizeof(*pt) + nblocks * (sizeof(pt->source[0]) + 1));

    if (pt == NULL)
        return NULL;
    *pt = (struct partial){.piece = piece, .nblocks = nblocks, .free = nblocks};
    pt->state = (uint8_t *)(pt->source + nblocks);
    memset(pt->source, 0xff, nblocks * sizeof(pt->source[0]));
    memset(pt->state, PARTIAL_FREE, nblocks);
    return pt;
}

struct partial *
partials_open(struct partials *ps, uint32_t piece, uint32_t nblocks)
{
    struct partial *pt;

    ASSERT(nblocks > 0 && !bitfield_get(&ps->open, piece));
    if (ps->count == ps->cap && grow(ps) < 0)
        return NULL;
    pt = partial_new(piece, nblocks);
    if (pt == NULL)
        return NULL;
    pt->asked = PARTIAL_SOURCE_NONE;
    put(ps, ps->count++, pt);
    swap(ps, pt->index, ps->count_free++);
    bitfield_set(&ps->open, piece);
    return pt;
}

void
partials_close(struct partials *ps, struct partial *pt)
{
    if (pt->free > 0)
        swap(ps, pt->index, --ps->count_free);
    swap(ps, pt->index, --ps->count);
    bitfield_clear(&ps->open, pt->piece);
    free(pt);
}

/* The counter of the blocks in |state|. */
static uint32_t *
count_of(struct partial *pt, uint8_t state)
{
    if (state == PARTIAL_FREE)
        return &pt->free;
    if (state <= PARTIAL_REQUESTED_LAST)
        return &pt->requested;
    return state == PARTIAL_WRITING ? &pt->writing : &pt->stored;
}

void
partials_set(struct partials *ps, struct partial *pt, uint32_t block, uint8_t state)
{
    bool had_free = pt->free > 0;

    --*count_of(pt, pt->state[block]);
    ++*count_of(pt, state);
    pt->state[block] = state;
    if (state != PARTIAL_STORED)
        pt->source[block] = PARTIAL_SOURCE_NONE;
    if (state == PARTIAL_FREE && block < pt->first_free)
        pt->first_free = block;
    if (had_free && pt->free == 0)
        swap(ps, pt->index, --ps->count_free);
    else if (!had_free && pt->free > 0)
        swap(ps, pt->index, ps->count_free++);
}

uint32_t
partial_next_free(struct partial *pt)
{
    while (pt->first_free < pt->nblocks && pt->state[pt->first_free] != PARTIAL_FREE)
        pt->first_free++;
    return pt->first_free;
}
