/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent, its hash tree, and a disk that has what is made up.
 */
#include "tests/unit/core/side.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/err.h"

void
side_init(struct side *s, uint32_t piece_length, const struct torrent_file *files, size_t count,
          unsigned flags)
{
    s->mi = torrent_make(piece_length, files, count, flags);
    cr_assert_eq(geometry_init(&s->g, s->mi), 0);
    s->tree = hashtree_new(&s->g);
    cr_assert_not_null(s->tree);
    cr_assert_eq(bitfield_init(&s->have, s->mi->piece_count), 0);
}

void
side_fini(struct side *s)
{
    bitfield_fini(&s->have);
    hashtree_free(s->tree);
    geometry_fini(&s->g);
    metainfo_free(s->mi);
}

uint32_t
side_leaves(const struct side *s, const struct torrent_file *files, uint32_t piece, uint8_t **out)
{
    uint32_t n = geometry_blocks(&s->g, piece), index;
    uint32_t per_piece = s->g.blocks_per_piece;
    size_t file, number = 0;

    cr_assert(geometry_v2_file(&s->g, piece, &file, &index));
    /* The files of a hybrid have pads between them. */
    for (size_t i = 0; i < file; i++)
        number += (s->mi->files[i].attr & ATTR_PAD) == 0;
    *out = malloc((size_t)n * 32);
    cr_assert_not_null(*out);
    for (uint32_t b = 0; b < n; b++)
        torrent_leaf(files[number].content, (uint64_t)index * per_piece + b, *out + (size_t)b * 32);
    return n;
}

int
side_check(struct side *s, const struct torrent_file *files, uint32_t piece)
{
    uint8_t *leaves;
    uint32_t n = side_leaves(s, files, piece, &leaves);
    int err = hashtree_check(s->tree, piece, leaves, n);

    free(leaves);
    return err;
}

int
side_serve(struct side *s, const struct torrent_file *files, const struct wire_hash_request *req,
           struct buf *out)
{
    uint32_t piece;
    int err;

    while ((err = hashtree_serve(s->tree, req, &s->have, out, &piece)) == SPRAT_E_AGAIN) {
        cr_assert(bitfield_get(&s->have, piece));
        cr_assert_eq(side_check(s, files, piece), 0);
    }
    return err;
}
