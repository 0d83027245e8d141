/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The places of data of unwanted files in the part file.
 */
#include <criterion/criterion.h>

#include "peer/store/parts.h"
#include "tests/unit/store/fixture.h"

/* 40,000 + 10,000 + 10,000 + 65,536 bytes in pieces of 32 KiB: piece 0 is of one file, piece 1 of
 * four, pieces 2 and 3 of the last. */
static void
four_files(struct fixture *f, enum metainfo_format format)
{
    fixture_init(f);
    fixture_file(f, "a", 1, 40000);
    fixture_file(f, "b", 2, 10000);
    fixture_file(f, "c", 3, 10000);
    fixture_file(f, "d", 4, 65536);
    fixture_torrent(f, format, 32768);
}

Test(partfile, only_shared_pieces_have_a_slot)
{
    const uint8_t bytes[] = {PARTS_PARTED, PARTS_PARTED, 1, PARTS_PARTED | 1};
    struct fixture f;
    struct parts p;
    uint64_t at;

    four_files(&f, METAINFO_V1);
    cr_assert_eq(parts_init(&p, f.mi, bytes), 0);
    cr_expect(parts_holds(&p, 0) && parts_holds(&p, 1) && !parts_holds(&p, 2) &&
              parts_holds(&p, 3));
    cr_expect(!parts_wants(&p, 0) && parts_wants(&p, 2) && parts_wants(&p, 3));
    cr_expect_eq(p.shared_count, 1);
    cr_expect(!parts_locate(&p, 0, 0, &at), "piece 0 is nobody else's");
    cr_assert(parts_locate(&p, 0, 32768, &at));
    cr_expect_eq(at, 0);
    cr_assert(parts_locate(&p, 1, 5, &at));
    cr_expect_eq(at, 40005 - 32768);
    cr_assert(parts_locate(&p, 3, 0, &at));
    cr_expect_eq(at, 60000 - 32768);
    cr_expect(!parts_locate(&p, 3, 65535, &at));
    parts_fini(&p);
    fixture_fini(&f);
}

Test(partfile, pieces_of_v2_and_hybrids_are_of_one_file)
{
    const uint8_t bytes[16] = {PARTS_PARTED, PARTS_PARTED, PARTS_PARTED, PARTS_PARTED};
    const enum metainfo_format formats[] = {METAINFO_V2, METAINFO_HYBRID};

    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        struct parts p;

        four_files(&f, formats[i]);
        cr_assert_leq(f.mi->file_count, sizeof(bytes));
        cr_assert_eq(parts_init(&p, f.mi, bytes), 0);
        cr_expect_eq(p.shared_count, 0);
        parts_fini(&p);
        fixture_fini(&f);
    }
}

Test(partfile, without_a_selection_all_is_wanted)
{
    struct fixture f;
    struct parts p;

    four_files(&f, METAINFO_V1);
    cr_assert_eq(parts_init(&p, f.mi, NULL), 0);
    cr_expect(parts_wants(&p, 0) && !parts_holds(&p, 0));
    parts_fini(&p);
    fixture_fini(&f);
}
