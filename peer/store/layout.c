/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks piece space file by file. Arithmetic only.
 */
#include "peer/store/layout.h"

void
layout_walk_init(struct layout_walk *w, const struct metainfo *mi, uint32_t piece, uint32_t begin,
                 uint64_t len)
{
    uint64_t at = (uint64_t)piece * mi->piece_length + begin;
    uint64_t left = at < mi->span ? mi->span - at : 0;

    /* In a v2-only torrent a piece may be addressed in its full length: after the file's end there
     * are zeros, in the last piece too. */
    if (!mi->id.has_v1)
        left = len;
    *w = (struct layout_walk){.mi = mi, .at = at, .end = at + (len < left ? len : left)};
    w->file = at < mi->span ? metainfo_file_at(mi, at) : mi->file_count;
}

bool
layout_walk_next(struct layout_walk *w, struct layout_range *out)
{
    const struct metainfo *mi = w->mi;
    uint64_t until = w->end; /* end of a gap */

    if (w->at >= w->end)
        return false;
    for (; w->file < mi->file_count; w->file++) {
        const struct metainfo_file *f = &mi->files[w->file];
        uint64_t end = f->offset + f->length;

        if (f->length == 0 || end <= w->at)
            continue;
        if (f->offset > w->at) {
            until = f->offset < w->end ? f->offset : w->end;
            break;
        }
        if (end > w->end)
            end = w->end;
        *out = (struct layout_range){.file = w->file, .offset = w->at - f->offset,
                                     .len = end - w->at, .stored = (f->attr & ATTR_PAD) == 0};
        w->at = end;
        return true;
    }
    *out = (struct layout_range){.len = until - w->at};
    w->at = until;
    return true;
}

uint32_t
layout_piece_data(const struct metainfo *mi, uint32_t piece)
{
    struct layout_walk w;
    struct layout_range r;
    uint64_t at = 0, data = 0;

    layout_walk_init(&w, mi, piece, 0, metainfo_piece_len(mi, piece));
    while (layout_walk_next(&w, &r)) {
        at += r.len;
        if (r.stored)
            data = at;
    }
    return (uint32_t)data;
}

/* The bytes of the piece that may be requested: see layout_valid(). */
static uint32_t
wire_span(const struct metainfo *mi, uint32_t piece)
{
    return mi->id.has_v1 ? metainfo_piece_len(mi, piece) : mi->piece_length;
}

bool
layout_valid(const struct metainfo *mi, uint32_t piece, uint32_t begin, uint32_t len)
{
    uint32_t span;

    if (piece >= mi->piece_count || len == 0)
        return false;
    span = wire_span(mi, piece);
    return begin < span && len <= span - begin;
}
