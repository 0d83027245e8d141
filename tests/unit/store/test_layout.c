/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Piece space and files.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "peer/store/layout.h"
#include "tests/unit/store/fixture.h"

/* Ranges of one piece as text: "FILE@OFFSET+LEN" or "-+LEN" for zeros. */
static const char *
ranges(const struct metainfo *mi, uint32_t piece, uint32_t begin, uint64_t len, char *text)
{
    struct layout_walk w;
    struct layout_range r;
    char *at = text;

    *at = '\0';
    layout_walk_init(&w, mi, piece, begin, len);
    while (layout_walk_next(&w, &r)) {
        cr_assert_gt(r.len, 0);
        if (r.stored)
            at += sprintf(at, "%s@%llu+%llu ", mi->files[r.file].path + strlen("data/"),
                          (unsigned long long)r.offset, (unsigned long long)r.len);
        else
            at += sprintf(at, "-+%llu ", (unsigned long long)r.len);
    }
    return text;
}

static void
make(struct fixture *f, enum metainfo_format format)
{
    fixture_init(f);
    fixture_file(f, "a", 1, 40000);
    fixture_file(f, "b", 2, 0);
    fixture_file(f, "c", 3, 10);
    fixture_file(f, "d", 4, 32768);
    fixture_torrent(f, format, 32768);
}

Test(layout, v1_pieces_span_files)
{
    struct fixture f;
    char text[200];

    make(&f, METAINFO_V1);
    cr_assert_eq(f.mi->piece_count, 3);
    cr_expect_str_eq(ranges(f.mi, 0, 0, 32768, text), "a@0+32768 ");
    cr_expect_str_eq(ranges(f.mi, 1, 0, 32768, text), "a@32768+7232 c@0+10 d@0+25526 ");
    cr_expect_str_eq(ranges(f.mi, 1, 7232, 10, text), "c@0+10 ");
    cr_expect_str_eq(ranges(f.mi, 1, 7241, 2, text), "c@9+1 d@0+1 ");
    cr_expect_str_eq(ranges(f.mi, 2, 0, 7242, text), "d@25526+7242 ");
    cr_expect_str_eq(ranges(f.mi, 2, 0, 99999, text), "d@25526+7242 ");
    cr_expect_eq(layout_piece_data(f.mi, 2), 7242);
    cr_expect(layout_valid(f.mi, 2, 7241, 1));
    cr_expect_not(layout_valid(f.mi, 2, 7241, 2));
    cr_expect_not(layout_valid(f.mi, 2, 0, 0));
    cr_expect_not(layout_valid(f.mi, 3, 0, 1));
    cr_expect_not(layout_valid(f.mi, 0, UINT32_MAX, 2));
    fixture_fini(&f);
}

Test(layout, hybrid_pads_are_zeros)
{
    struct fixture f;
    char text[200];

    make(&f, METAINFO_HYBRID);
    cr_assert_eq(f.mi->piece_count, 4);
    cr_expect_str_eq(ranges(f.mi, 1, 0, 32768, text), "a@32768+7232 -+25536 ");
    cr_expect_str_eq(ranges(f.mi, 2, 0, 16384, text), "c@0+10 -+16374 ");
    cr_expect_str_eq(ranges(f.mi, 2, 16384, 16384, text), "-+16384 ");
    cr_expect_eq(layout_piece_data(f.mi, 1), 7232);
    cr_expect_eq(layout_piece_data(f.mi, 2), 10);
    cr_expect_eq(layout_piece_data(f.mi, 3), 32768);
    cr_expect(layout_valid(f.mi, 2, 16384, 16384));
    fixture_fini(&f);
}

Test(layout, v2_pieces_end_with_their_file_and_may_be_asked_whole)
{
    struct fixture f;
    char text[200];

    make(&f, METAINFO_V2);
    cr_assert_eq(f.mi->piece_count, 4);
    cr_expect_str_eq(ranges(f.mi, 1, 0, 7232, text), "a@32768+7232 ");
    cr_expect_str_eq(ranges(f.mi, 1, 0, 16384, text), "a@32768+7232 -+9152 ");
    cr_expect_str_eq(ranges(f.mi, 2, 0, 16384, text), "c@0+10 -+16374 ");
    cr_expect_str_eq(ranges(f.mi, 3, 0, 32768, text), "d@0+32768 ");
    cr_expect(layout_valid(f.mi, 2, 0, 32768));
    cr_expect_not(layout_valid(f.mi, 2, 0, 32769));
    fixture_fini(&f);
}

Test(layout, v2_last_piece_reaches_beyond_the_end)
{
    struct fixture f;
    char text[200];

    fixture_init(&f);
    fixture_file(&f, "a", 1, 9);
    fixture_file(&f, "b", 2, 9);
    fixture_torrent(&f, METAINFO_V2, 32768);
    cr_expect_str_eq(ranges(f.mi, 1, 0, 16384, text), "b@0+9 -+16375 ");
    cr_expect_str_eq(ranges(f.mi, 1, 16384, 16384, text), "-+16384 ");
    fixture_fini(&f);
}
