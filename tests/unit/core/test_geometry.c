/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Piece arithmetic over v1, v2 and hybrid torrents, with pads at the end, in the middle, and as
 * whole pieces.
 */
#include "peer/core/geometry.h"

#include <criterion/criterion.h>

#include "tests/unit/core/torrents.h"

enum { K = 1024 };

static void
assert_sums(const struct geometry *g)
{
    uint64_t data = 0;

    for (uint32_t p = 0; p < g->piece_count; p++) {
        uint64_t blocks = 0;

        cr_assert_leq(geometry_data(g, p), geometry_span(g, p));
        for (uint32_t b = 0; b < geometry_blocks(g, p); b++) {
            uint32_t len = geometry_block_len(g, p, b);

            cr_assert(len > 0 && len <= BLOCK_LEN);
            cr_assert(len == BLOCK_LEN || b + 1 == geometry_blocks(g, p));
            blocks += len;
        }
        cr_assert_eq(blocks, geometry_data(g, p));
        data += blocks;
    }
    cr_assert_eq(data, g->data_total);
}

Test(geometry, v1_without_pads)
{
    int64_t lengths[] = {40 * K, 0, 100 * K + 1};
    struct metainfo *mi = torrent_make_v1(64 * K, lengths, 3);
    struct geometry g;

    cr_assert_eq(geometry_init(&g, mi), 0);
    cr_assert_null(g.data_len);
    cr_assert_eq(g.piece_count, 3);
    cr_assert_eq(g.blocks_per_piece, 4);
    cr_assert_eq(g.data_total, 140 * K + 1);
    cr_assert_eq(geometry_span(&g, 1), 64 * K);
    cr_assert_eq(geometry_span(&g, 2), 12 * K + 1);
    cr_assert_eq(geometry_blocks(&g, 2), 1);
    cr_assert_eq(geometry_block_len(&g, 2, 0), 12 * K + 1);
    assert_sums(&g);
    geometry_fini(&g);
    metainfo_free(mi);
}

/* v1 piece lengths need not be powers of two, or multiples of a block. */
Test(geometry, v1_with_odd_pieces)
{
    int64_t lengths[] = {100000};
    struct metainfo *mi = torrent_make_v1(30000, lengths, 1);
    struct geometry g;

    cr_assert_eq(geometry_init(&g, mi), 0);
    cr_assert_eq(g.blocks_per_piece, 2);
    cr_assert_eq(geometry_block_len(&g, 0, 0), BLOCK_LEN);
    cr_assert_eq(geometry_block_len(&g, 0, 1), 30000 - BLOCK_LEN);
    cr_assert_eq(geometry_blocks(&g, 3), 1);
    cr_assert_eq(geometry_block_len(&g, 3, 0), 10000);
    assert_sums(&g);
    geometry_fini(&g);
    metainfo_free(mi);
}

Test(geometry, v1_pads_count_only_at_the_end_of_a_piece)
{
    /* Piece 0: a file, a pad in the middle, a file. 1: a file, then pad to the end.
     * 2: pad alone. 3: pad, then a file. */
    int64_t lengths[] = {10 * K, -20 * K, 34 * K, 1, -(64 * K - 1), -64 * K, -1 * K, 5 * K};
    struct metainfo *mi = torrent_make_v1(64 * K, lengths, 8);
    struct geometry g;

    cr_assert_eq(geometry_init(&g, mi), 0);
    cr_assert_eq(g.piece_count, 4);
    cr_assert_eq(geometry_data(&g, 0), 64 * K);
    cr_assert_eq(geometry_data(&g, 1), 1);
    cr_assert_eq(geometry_span(&g, 1), 64 * K);
    cr_assert_eq(geometry_blocks(&g, 1), 1);
    cr_assert_eq(geometry_data(&g, 2), 0);
    cr_assert_eq(geometry_blocks(&g, 2), 0);
    cr_assert_eq(geometry_data(&g, 3), 6 * K);
    cr_assert_eq(g.data_total, 64 * K + 1 + 6 * K);
    assert_sums(&g);
    /* A pad is never requested but always served. */
    cr_assert(geometry_valid(&g, 2, 0, 16 * K));
    cr_assert(geometry_valid(&g, 1, 48 * K, 16 * K));
    geometry_fini(&g);
    metainfo_free(mi);
}

Test(geometry, v2_pieces_never_span_files)
{
    struct torrent_file files[] = {{70 * K, 1}, {0, 0}, {16 * K, 2}, {1, 3}};
    struct metainfo *mi = torrent_make(32 * K, files, 4, 0);
    struct geometry g;
    uint32_t index;
    size_t file;

    cr_assert_eq(geometry_init(&g, mi), 0);
    cr_assert_null(g.data_len);
    cr_assert_eq(g.piece_count, 5);
    cr_assert_eq(geometry_data(&g, 2), 6 * K);
    cr_assert_eq(geometry_data(&g, 3), 16 * K);
    cr_assert_eq(geometry_data(&g, 4), 1);
    cr_assert_eq(g.data_total, 86 * K + 1);
    assert_sums(&g);
    /* The gap behind a file is served as zeros: other clients ask for whole blocks there. */
    cr_assert(geometry_valid(&g, 4, 0, 16 * K));
    cr_assert(geometry_valid(&g, 4, 16 * K, 16 * K));
    cr_assert_not(geometry_valid(&g, 4, 16 * K, 16 * K + 1));
    cr_assert(geometry_v2_file(&g, 2, &file, &index));
    cr_assert_eq(file, 0u);
    cr_assert_eq(index, 2);
    cr_assert(geometry_v2_file(&g, 3, &file, &index));
    cr_assert_eq(file, 2u);
    cr_assert_eq(index, 0);
    cr_assert(geometry_v2_file(&g, 4, &file, &index));
    cr_assert_eq(file, 3u);
    geometry_fini(&g);
    metainfo_free(mi);
}

Test(geometry, hybrid_pieces_have_pads_behind_each_file)
{
    struct torrent_file files[] = {{70 * K, 1}, {16 * K, 2}, {1, 3}};
    struct metainfo *mi = torrent_make(32 * K, files, 3, TORRENT_HYBRID);
    struct geometry g;
    uint32_t index;
    size_t file;

    cr_assert_eq(geometry_init(&g, mi), 0);
    cr_assert_eq(g.piece_count, 5);
    cr_assert_eq(geometry_span(&g, 2), 32 * K);
    cr_assert_eq(geometry_data(&g, 2), 6 * K);
    cr_assert_eq(geometry_span(&g, 3), 32 * K);
    cr_assert_eq(geometry_data(&g, 3), 16 * K);
    cr_assert_eq(geometry_span(&g, 4), 1);
    cr_assert_eq(g.data_total, 86 * K + 1);
    assert_sums(&g);
    cr_assert(geometry_v2_file(&g, 3, &file, &index));
    cr_assert_eq(mi->files[file].length, 16 * K);
    cr_assert_eq(index, 0);
    cr_assert(geometry_v2_file(&g, 1, &file, &index));
    cr_assert_eq(index, 1);
    geometry_fini(&g);
    metainfo_free(mi);
}

Test(geometry, requests_at_and_beyond_the_edges)
{
    int64_t lengths[] = {40 * K + 7};
    struct metainfo *mi = torrent_make_v1(32 * K, lengths, 1);
    struct geometry g;

    cr_assert_eq(geometry_init(&g, mi), 0);
    cr_assert(geometry_valid(&g, 0, 0, 16 * K));
    cr_assert(geometry_valid(&g, 0, 16 * K, 16 * K));
    cr_assert(geometry_valid(&g, 1, 8 * K, 7));
    cr_assert(geometry_valid(&g, 1, 8 * K + 6, 1));
    cr_assert_not(geometry_valid(&g, 1, 8 * K, 8));
    cr_assert_not(geometry_valid(&g, 0, 0, 0));
    cr_assert_not(geometry_valid(&g, 0, 32 * K, 1));
    cr_assert_not(geometry_valid(&g, 0, 16 * K + 1, 16 * K));
    cr_assert_not(geometry_valid(&g, 2, 0, 1));
    cr_assert_not(geometry_valid(&g, UINT32_MAX, 0, 1));
    cr_assert_not(geometry_valid(&g, 0, UINT32_MAX, 1));
    cr_assert_not(geometry_valid(&g, 0, 1, UINT32_MAX));
    geometry_fini(&g);
    metainfo_free(mi);
}
