/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The modelled disk: tags for blocks, four sets of pieces, one queue.
 */
#include "tests/sim/vdisk.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "tests/sim/engine.h"

static size_t
place(const struct vdisk *d, uint32_t piece, uint32_t block)
{
    return (size_t)piece * d->content->bpp + block;
}

void
vdisk_init(struct vdisk *d, const struct content *c, const struct vdisk_spec *spec)
{
    uint32_t pieces = c->geo.piece_count;

    *d = (struct vdisk){.content = c, .spec = *spec};
    d->tags = sim_alloc((size_t)pieces * c->bpp, 1);
    ASSERT(bitfield_init(&d->done, pieces) == 0 && bitfield_init(&d->staged, pieces) == 0 &&
           bitfield_init(&d->syncing, pieces) == 0 && bitfield_init(&d->committed, pieces) == 0);
}

void
vdisk_fini(struct vdisk *d)
{
    free(d->tags);
    bitfield_fini(&d->done);
    bitfield_fini(&d->staged);
    bitfield_fini(&d->syncing);
    bitfield_fini(&d->committed);
}

void
vdisk_put(struct vdisk *d, uint32_t piece)
{
    for (uint32_t b = 0; b < geometry_blocks(&d->content->geo, piece); b++)
        d->tags[place(d, piece, b)] = BLOCK_GOOD;
    bitfield_set(&d->done, piece);
    bitfield_set(&d->committed, piece);
}

struct mono
vdisk_work(struct vdisk *d, uint64_t bytes, struct mono now)
{
    struct mono start = mono_before(d->free_at, now) ? now : d->free_at;

    d->free_at = start;
    if (d->spec.rate > 0)
        d->free_at = mono_add_us(start, (int64_t)(bytes * 1000000 / d->spec.rate));
    return mono_add_us(d->free_at, d->spec.latency_us);
}

int
vdisk_write(struct vdisk *d, uint32_t piece, uint32_t block, uint8_t tag)
{
    uint32_t len = geometry_block_len(&d->content->geo, piece, block);
    uint8_t *at = &d->tags[place(d, piece, block)];

    if (*at == BLOCK_ABSENT) {
        if (d->spec.room > 0 && d->used + len > d->spec.room)
            return SPRAT_E_NOSPACE;
        d->used += len;
    }
    *at = tag;
    return 0;
}

uint8_t
vdisk_tag(const struct vdisk *d, uint32_t piece, uint32_t block)
{
    /* The zeros behind the end of a file need no room, and are always right. */
    if (block >= geometry_blocks(&d->content->geo, piece))
        return BLOCK_GOOD;
    return d->tags[place(d, piece, block)];
}

bool
vdisk_good(const struct vdisk *d, uint32_t piece)
{
    for (uint32_t b = 0; b < geometry_blocks(&d->content->geo, piece); b++)
        if (vdisk_tag(d, piece, b) != BLOCK_GOOD)
            return false;
    return true;
}

void
vdisk_done(struct vdisk *d, uint32_t piece)
{
    bitfield_set(&d->done, piece);
    bitfield_set(&d->staged, piece);
}

bool
vdisk_sync_begin(struct vdisk *d)
{
    if (d->staged.count == 0)
        return false;
    bitfield_copy(&d->syncing, &d->staged);
    bitfield_clear_all(&d->staged);
    return true;
}

void
vdisk_sync_end(struct vdisk *d)
{
    for (uint32_t i = bitfield_next_set(&d->syncing, 0); i < d->syncing.nbits;
         i = bitfield_next_set(&d->syncing, i + 1))
        bitfield_set(&d->committed, i);
    bitfield_clear_all(&d->syncing);
}

/* Takes the block away, if it is there. */
static void
lose_block(struct vdisk *d, uint32_t piece, uint32_t block)
{
    uint8_t *at = &d->tags[place(d, piece, block)];

    if (*at == BLOCK_ABSENT)
        return;
    d->used -= geometry_block_len(&d->content->geo, piece, block) < d->used
                   ? geometry_block_len(&d->content->geo, piece, block)
                   : d->used;
    *at = BLOCK_ABSENT;
}

void
vdisk_crash(struct vdisk *d, struct rng *rng)
{
    for (uint32_t p = 0; p < d->content->geo.piece_count; p++) {
        if (bitfield_get(&d->committed, p))
            continue;
        for (uint32_t b = 0; b < geometry_blocks(&d->content->geo, p); b++)
            if (vdisk_tag(d, p, b) != BLOCK_ABSENT && rng_below(rng, 2) == 0)
                lose_block(d, p, b);
    }
    bitfield_copy(&d->done, &d->committed);
    bitfield_clear_all(&d->staged);
    bitfield_clear_all(&d->syncing);
    d->free_at = (struct mono){0};
}
