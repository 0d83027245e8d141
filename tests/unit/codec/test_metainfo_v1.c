/* SPDX-License-Identifier: BSD-2-Clause
 *
 * v1 torrents (BEP 3, 47): every field missing, of the wrong type and out of range; pads; sums.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto/sha.h"
#include "tests/unit/codec/torrent_text.h"

#define HASH   "20:hhhhhhhhhhhhhhhhhhhh"
#define FILE_A "d6:lengthi5e4:pathl1:aee"

Test(metainfo_v1, a_single_file)
{
    struct metainfo *mi = text_load(text_around("", "", ""));

    cr_assert_eq(mi->format, METAINFO_V1);
    cr_assert(mi->id.has_v1);
    cr_assert_not(mi->id.has_v2);
    cr_assert_not(mi->multi_file);
    cr_assert_str_eq(mi->name, "t");
    cr_assert_eq(mi->file_count, 1);
    cr_assert_str_eq(mi->files[0].path, "t");
    cr_assert_eq(mi->total_size, 1);
    cr_assert_eq(mi->span, 1);
    cr_assert_eq(mi->piece_count, 1);
    cr_assert_arr_eq(mi->pieces, "hhhhhhhhhhhhhhhhhhhh", 20);
    cr_assert_not(mi->layers_missing);
    metainfo_free(mi);
    metainfo_free(NULL);
}

Test(metainfo_v1, many_files)
{
    struct metainfo *mi = text_load(text_v1(FILE_A "d6:lengthi0e4:pathl1:b1:cee"
                                                   "d6:lengthi20000e4:pathl1:b1:dee",
                                            2));

    cr_assert(mi->multi_file);
    cr_assert_eq(mi->file_count, 3);
    cr_assert_str_eq(mi->files[1].path, "t/b/c");
    cr_assert_eq(mi->files[1].piece_count, 0);
    cr_assert_eq(mi->files[2].offset, 5);
    cr_assert_eq(mi->files[2].first_piece, 0);
    cr_assert_eq(mi->files[2].piece_count, 2);
    cr_assert_eq(mi->span, 20005);
    metainfo_free(mi);
}

Test(metainfo_v1, the_info_hash_is_of_the_raw_bytes)
{
    /* Unsorted, a leading zero, an unknown key: a second encoding would lose them. */
    static const char info[] =
        "d4:name1:t6:lengthi05e12:piece lengthi16384e6:pieces" HASH "3:fooi1ee";
    char text[300];
    struct metainfo *mi;
    uint8_t hash[20];

    snprintf(text, sizeof(text), "d4:info%se\n", info);
    mi = text_load(text);
    sha1(info, sizeof(info) - 1, hash);
    cr_assert_arr_eq(mi->id.v1, hash, 20);
    cr_assert_eq(mi->info_len, sizeof(info) - 1);
    cr_assert_arr_eq(mi->info, info, sizeof(info) - 1);
    cr_assert_eq(mi->raw_len, strlen(text));
    cr_assert_eq(mi->files[0].length, 5);
    metainfo_free(mi);
}

Test(metainfo_v1, what_is_no_torrent)
{
    text_refuse("", SPRAT_E_TRUNCATED, "truncated");
    text_refuse("<html>", SPRAT_E_SYNTAX, "not a torrent file");
    text_refuse("i1e", SPRAT_E_TYPE, "not a dictionary");
    text_refuse("le", SPRAT_E_TYPE, "not a dictionary");
    text_refuse("de", SPRAT_E_MISSING, "info");
    text_refuse("d4:infolee", SPRAT_E_TYPE, "info");
    text_refuse("d4:infodee", SPRAT_E_MISSING, "piece length");
}

Test(metainfo_v1, piece_length)
{
    static const struct {
        const char *value;
        int err;
    } bad[] = {
        {"1:a", SPRAT_E_TYPE},
        {"i0e", SPRAT_E_RANGE},
        {"i-1e", SPRAT_E_RANGE},
        {"i536870913e", SPRAT_E_RANGE},
        {"i9223372036854775807e", SPRAT_E_RANGE},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[300];

        snprintf(text, sizeof(text), "d4:infod6:lengthi1e4:name1:t12:piece length%s6:pieces%see",
                 bad[i].value, HASH);
        text_refuse(text, bad[i].err, "piece length");
    }
    /* v1 takes any number, not just powers of two. */
    metainfo_free(text_load("d4:infod6:lengthi7e4:name1:t12:piece lengthi7e6:pieces" HASH "ee"));
}

Test(metainfo_v1, names)
{
    text_refuse("d4:infod6:lengthi1e12:piece lengthi16384e6:pieces" HASH "ee", SPRAT_E_MISSING,
                "name");
    text_refuse("d4:infod6:lengthi1e4:namei5e12:piece lengthi16384e6:pieces" HASH "ee",
                SPRAT_E_TYPE, "name");
}

Test(metainfo_v1, a_name_of_nothing_becomes_the_info_hash)
{
    static const char *const names[] = {"0:", "1:.", "2:..", "1:/", "3:///"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct metainfo *mi;
        char text[300], hex[41];

        snprintf(text, sizeof(text),
                 "d4:infod6:lengthi1e4:name%s12:piece lengthi16384e6:pieces%see", names[i], HASH);
        mi = text_load(text);
        for (int k = 0; k < 20; k++)
            snprintf(hex + 2 * k, 3, "%02x", mi->id.v1[k]);
        cr_assert_str_eq(mi->name, hex);
        cr_assert_str_eq(mi->files[0].path, hex);
        metainfo_free(mi);
    }
}

Test(metainfo_v1, name_in_utf8_is_preferred)
{
    struct metainfo *mi = text_load("d4:infod6:lengthi1e4:name2:\xe9\xe9"
                                    "10:name.utf-82:\xc3\xa9"
                                    "12:piece lengthi16384e6:pieces" HASH "ee");

    cr_assert_str_eq(mi->name, "\xc3\xa9");
    metainfo_free(mi);
    mi = text_load(text_v1("d6:lengthi1e4:pathl1:aee"
                           "d6:lengthi1e4:pathl1:be10:path.utf-8l1:ueed6:lengthi1e4:pathl1:c"
                           "e10:path.utf-8lee",
                           1));
    cr_assert_str_eq(mi->files[1].path, "t/u");
    cr_assert_str_eq(mi->files[2].path, "t/c");
    metainfo_free(mi);
}

Test(metainfo_v1, lengths)
{
    text_refuse(text_v1("d4:pathl1:aee", 1), SPRAT_E_MISSING, "length of file 0");
    text_refuse(text_v1(FILE_A "d6:length1:54:pathl1:bee", 1), SPRAT_E_TYPE, "length of file 1");
    text_refuse(text_v1("d6:lengthi-1e4:pathl1:aee", 1), SPRAT_E_RANGE, "negative");
    text_refuse(text_v1("d6:lengthi9223372036854775807e4:pathl1:aee", 1), SPRAT_E_TOOBIG, "add up");
    text_refuse("d4:infod4:name1:t12:piece lengthi16384e6:pieces" HASH "ee", SPRAT_E_MISSING,
                "length");
}

Test(metainfo_v1, lengths_that_overflow_their_sum)
{
    text_refuse(text_v1("d6:lengthi34359738368e4:pathl1:aeed6:lengthi34359738368e4:pathl1:bee"
                        "d6:lengthi1e4:pathl1:cee",
                        1),
                SPRAT_E_TOOBIG, "add up");
}

Test(metainfo_v1, a_torrent_of_nothing)
{
    text_refuse(text_v1("d6:lengthi0e4:pathl1:aee", 0), SPRAT_E_RANGE, "no data");
    text_refuse(text_v1("d4:attr1:p6:lengthi9e4:pathl1:aee", 1), SPRAT_E_RANGE, "no data");
    text_refuse(text_v1("", 0), SPRAT_E_MISSING, "files is empty");
}

Test(metainfo_v1, pieces)
{
    text_refuse(text_v1(FILE_A, 0), SPRAT_E_MISMATCH, "pieces has 0 bytes");
    text_refuse(text_v1(FILE_A, 2), SPRAT_E_MISMATCH, "pieces has 40 bytes");
    text_refuse(
        "d4:infod6:lengthi1e4:name1:t12:piece lengthi16384e6:pieces19:hhhhhhhhhhhhhhhhhhhee",
        SPRAT_E_MISMATCH, "19 bytes");
    text_refuse("d4:infod6:lengthi1e4:name1:t12:piece lengthi16384e6:piecesi1eee", SPRAT_E_TYPE,
                "pieces");
    text_refuse("d4:infod6:lengthi1e4:name1:t12:piece lengthi16384eee", SPRAT_E_MISSING, "pieces");
    /* Just a whole piece, and one byte more. */
    metainfo_free(text_load(text_v1("d6:lengthi16384e4:pathl1:aee", 1)));
    metainfo_free(text_load(text_v1("d6:lengthi16385e4:pathl1:aee", 2)));
}

Test(metainfo_v1, files_and_paths_of_the_wrong_type)
{
    text_refuse("d4:infod5:filesi1e4:name1:t12:piece lengthi16384e6:pieces" HASH "ee", SPRAT_E_TYPE,
                "files");
    text_refuse(text_v1("i1e", 1), SPRAT_E_TYPE, "file 0");
    text_refuse(text_v1("d6:lengthi1ee", 1), SPRAT_E_MISSING, "path of file 0");
    text_refuse(text_v1("d6:lengthi1e4:pathlee", 1), SPRAT_E_MISSING, "path of file 0");
    text_refuse(text_v1("d6:lengthi1e4:path1:ae", 1), SPRAT_E_MISSING, "path of file 0");
    text_refuse(text_v1("d6:lengthi1e4:pathl1:ai5eee", 1), SPRAT_E_TYPE, "path of file 0");
}

Test(metainfo_v1, pads)
{
    struct metainfo *mi =
        text_load(text_v1(FILE_A "d4:attr1:p6:lengthi7e4:pathl4:.pad1:7ee"
                                 "d6:lengthi2e4:pathl1:bee"
                                 "d4:attr1:p6:lengthi7ee"
                                 "d6:lengthi3e4:pathl1:d25:_____padding_file_0_xxxxxee",
                          1));

    cr_assert_eq(mi->file_count, 5);
    cr_assert_eq(mi->files[1].attr, ATTR_PAD);
    cr_assert_str_eq(mi->files[3].path, "t/.pad/7", "a pad needs no path");
    cr_assert_eq(mi->files[4].attr, ATTR_PAD, "BitComet's way");
    cr_assert_eq(mi->total_size, 7);
    cr_assert_eq(mi->span, 24);
    metainfo_free(mi);
}

Test(metainfo_v1, attributes)
{
    struct metainfo *mi = text_load(text_v1("d4:attr3:xhq6:lengthi1e4:pathl1:aee"
                                            "d4:attri1e6:lengthi1e4:pathl1:bee",
                                            1));

    cr_assert_eq(mi->files[0].attr, ATTR_EXECUTABLE | ATTR_HIDDEN);
    cr_assert_eq(mi->files[1].attr, 0);
    metainfo_free(mi);
}

Test(metainfo_v1, questions_about_pieces_and_files)
{
    struct metainfo *mi = text_load(text_v1("d6:lengthi0e4:pathl2:e1ee"
                                            "d6:lengthi10000e4:pathl1:aee"
                                            "d6:lengthi0e4:pathl2:e2ee"
                                            "d6:lengthi10000e4:pathl1:bee"
                                            "d6:lengthi0e4:pathl2:e3ee",
                                            2));

    cr_assert_eq(metainfo_piece_len(mi, 0), 16384);
    cr_assert_eq(metainfo_piece_len(mi, 1), 20000 - 16384);
    cr_assert_eq(metainfo_file_at(mi, 0), 1);
    cr_assert_eq(metainfo_file_at(mi, 9999), 1);
    cr_assert_eq(metainfo_file_at(mi, 10000), 3);
    cr_assert_eq(metainfo_file_at(mi, 19999), 3);
    cr_assert_eq(identity_wire_hash(&mi->id, false), mi->id.v1);
    cr_assert_eq(identity_wire_hash(&mi->id, true), mi->id.v1);
    metainfo_free(mi);
}
