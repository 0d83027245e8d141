/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The arithmetic of pieces and blocks. The only table holds the length of each piece's data, and
 * only exists where pad files make it differ from the span.
 */
#include "peer/core/geometry.h"

#include <stdlib.h>

#include "common/base/assert.h"

static bool
has_pads(const struct metainfo *mi)
{
    for (size_t i = 0; i < mi->file_count; i++)
        if ((mi->files[i].attr & ATTR_PAD) != 0 && mi->files[i].length > 0)
            return true;
    return false;
}

/* A piece's data ends where the last file in it that is not a pad ends. Files come in the order of
 * the piece space, so the last such file that touches a piece counts. */
static void
mark_data(struct geometry *g, const struct metainfo_file *f)
{
    uint64_t end = f->offset + f->length;

    if ((f->attr & ATTR_PAD) != 0 || f->length == 0)
        return;
    for (uint64_t at = f->offset; at < end;) {
        uint32_t piece = (uint32_t)(at / g->piece_length);
        uint64_t start = (uint64_t)piece * g->piece_length;
        uint64_t stop = end - start < g->piece_length ? end : start + g->piece_length;

        ASSERT(piece < g->piece_count);
        g->data_len[piece] = (uint32_t)(stop - start);
        at = stop;
    }
}

int
geometry_init(struct geometry *g, const struct metainfo *mi)
{
    *g = (struct geometry){
        .mi = mi,
        .piece_count = mi->piece_count,
        .piece_length = mi->piece_length,
        .blocks_per_piece = mi->piece_length / BLOCK_LEN + (mi->piece_length % BLOCK_LEN != 0),
    };
    if (!has_pads(mi)) {
        g->data_total = mi->total_size;
        return 0;
    }
    g->data_len = calloc(mi->piece_count > 0 ? mi->piece_count : 1, sizeof(*g->data_len));
    if (g->data_len == NULL)
        return SPRAT_E_NOMEM;
    for (size_t i = 0; i < mi->file_count; i++)
        mark_data(g, &mi->files[i]);
    for (uint32_t p = 0; p < g->piece_count; p++)
        g->data_total += g->data_len[p];
    return 0;
}

void
geometry_fini(struct geometry *g)
{
    free(g->data_len);
    *g = (struct geometry){0};
}

uint32_t
geometry_span(const struct geometry *g, uint32_t piece)
{
    ASSERT(piece < g->piece_count);
    return g->mi->id.has_v1 ? metainfo_piece_len(g->mi, piece) : g->piece_length;
}

uint32_t
geometry_data(const struct geometry *g, uint32_t piece)
{
    ASSERT(piece < g->piece_count);
    return g->data_len != NULL ? g->data_len[piece] : metainfo_piece_len(g->mi, piece);
}

uint32_t
geometry_blocks(const struct geometry *g, uint32_t piece)
{
    return (uint32_t)(((uint64_t)geometry_data(g, piece) + BLOCK_LEN - 1) / BLOCK_LEN);
}

uint32_t
geometry_block_len(const struct geometry *g, uint32_t piece, uint32_t block)
{
    uint32_t data = geometry_data(g, piece);
    uint64_t begin = (uint64_t)block * BLOCK_LEN;

    ASSERT(begin < data);
    return data - begin < BLOCK_LEN ? (uint32_t)(data - begin) : BLOCK_LEN;
}

bool
geometry_valid(const struct geometry *g, uint32_t piece, uint32_t begin, uint32_t length)
{
    return piece < g->piece_count && length > 0 &&
           (uint64_t)begin + length <= geometry_span(g, piece);
}

bool
geometry_v2_file(const struct geometry *g, uint32_t piece, size_t *file, uint32_t *index)
{
    const struct metainfo_file *f;
    size_t at;

    ASSERT(piece < g->piece_count);
    /* With a v2 side every file starts at a piece boundary, so the piece's first byte decides. */
    at = metainfo_file_at(g->mi, (uint64_t)piece * g->piece_length);
    f = &g->mi->files[at];
    if (!f->has_root || piece < f->first_piece)
        return false;
    *file = at;
    *index = piece - f->first_piece;
    return true;
}
