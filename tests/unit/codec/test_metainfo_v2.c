/* SPDX-License-Identifier: BSD-2-Clause
 *
 * v2 and hybrid torrents (BEP 52): the file tree, piece layers, and both descriptions against each
 * other.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto/sha.h"
#include "tests/unit/codec/made_torrent.h"
#include "tests/unit/codec/torrent_text.h"

enum { PIECE = 32768 };

Test(metainfo_v2, a_single_file)
{
    struct metainfo *mi = text_load(text_v2(LEAF("3:one", "5", ROOT_A), ""));

    cr_assert_eq(mi->format, METAINFO_V2);
    cr_assert_not(mi->id.has_v1);
    cr_assert_not(mi->multi_file);
    cr_assert_str_eq(mi->name, "t", "the name is for people");
    cr_assert_str_eq(mi->files[0].path, "one");
    cr_assert(mi->files[0].has_root);
    cr_assert_eq(mi->files[0].root[0], 'a');
    cr_assert_null(mi->pieces);
    cr_assert_null(mi->files[0].layer);
    cr_assert_not(mi->layers_missing);
    cr_assert_eq(identity_wire_hash(&mi->id, false), mi->id.v2);
    metainfo_free(mi);
}

Test(metainfo_v2, files_start_with_pieces)
{
    struct metainfo *mi =
        text_load(text_v2(LEAF("1:a", "5", ROOT_A) "1:bd" LEAF("1:x", "16384", ROOT_B)
                          "1:yd0:d6:lengthi0eeee" LEAF("1:c", "6", ROOT_A), ""));

    cr_assert(mi->multi_file);
    cr_assert_eq(mi->file_count, 4);
    cr_assert_str_eq(mi->files[1].path, "t/b/x");
    cr_assert_eq(mi->files[1].offset, 16384);
    cr_assert_str_eq(mi->files[2].path, "t/b/y");
    cr_assert_eq(mi->files[3].offset, 32768);
    cr_assert_eq(mi->files[3].first_piece, 2);
    cr_assert_eq(mi->piece_count, 3);
    cr_assert_eq(mi->span, 32774);
    cr_assert_eq(mi->total_size, 5 + 16384 + 6);
    cr_assert_eq(metainfo_piece_len(mi, 0), 5, "the last piece of each file is short");
    cr_assert_eq(metainfo_piece_len(mi, 1), 16384);
    cr_assert_eq(metainfo_piece_len(mi, 2), 6);
    cr_assert_eq(metainfo_file_at(mi, 4), 0);
    cr_assert_eq(metainfo_file_at(mi, 100), 0, "the gap belongs to the file before it");
    cr_assert_eq(metainfo_file_at(mi, 16384), 1);
    cr_assert_eq(metainfo_file_at(mi, 32773), 3);
    metainfo_free(mi);
}

Test(metainfo_v2, one_file_in_a_directory_is_many)
{
    struct metainfo *mi = text_load(text_v2("1:dd" LEAF("1:f", "5", ROOT_A) "e", ""));

    cr_assert(mi->multi_file);
    cr_assert_str_eq(mi->files[0].path, "t/d/f");
    metainfo_free(mi);
}

Test(metainfo_v2, the_version_comes_first)
{
    text_refuse("d4:infod12:meta versioni3eee", SPRAT_E_VERSION, "3");
    text_refuse("d4:infod12:meta versioni1eee", SPRAT_E_VERSION, "1");
    text_refuse("d4:infod12:meta versioni0eee", SPRAT_E_VERSION, "0");
    text_refuse("d4:infod12:meta version1:2ee", SPRAT_E_TYPE, "meta version");
    /* Also before canonical form: a later version may have other rules. */
    text_refuse("d4:infod12:meta versioni3e1:ai1eee", SPRAT_E_VERSION, "3");
    text_refuse("d4:infod9:file treedeee", SPRAT_E_MISSING, "meta version");
}

/* Other programs append a newline, or keys of their own where they don't belong. */
Test(metainfo_v2, what_is_around_info_may_be_out_of_order)
{
    char text[1000];

    snprintf(text, sizeof(text), "%s\n", text_v2(LEAF("1:a", "5", ROOT_A), ""));
    metainfo_free(text_load(text));
    snprintf(text, sizeof(text), "d1:zi1e%s", text_v2(LEAF("1:a", "5", ROOT_A), "") + 1);
    metainfo_free(text_load(text));
}

Test(metainfo_v2, only_a_canonical_info_loads)
{
    text_refuse(text_v2(LEAF("1:a", "05", ROOT_A), ""), SPRAT_E_NOTCANONICAL, "canonical");
    text_refuse(text_v2(LEAF("1:b", "5", ROOT_A) LEAF("1:a", "5", ROOT_A), ""),
                SPRAT_E_NOTCANONICAL, "canonical");
    text_refuse(text_v2(LEAF("1:a", "5", ROOT_A) LEAF("1:a", "5", ROOT_A), ""),
                SPRAT_E_NOTCANONICAL, "canonical");
}

Test(metainfo_v2, piece_lengths)
{
    static const char *const bad[] = {"i8192e", "i16383e", "i49152e", "i1073741824e"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[300];

        snprintf(text, sizeof(text),
                 "d4:infod9:file treed%se12:meta versioni2e4:name1:t12:piece length%see",
                 LEAF("1:a", "5", ROOT_A), bad[i]);
        text_refuse(text, SPRAT_E_RANGE, "piece length");
    }
}

Test(metainfo_v2, trees_that_are_none)
{
    text_refuse("d4:infod12:meta versioni2e4:name1:t12:piece lengthi16384eee", SPRAT_E_MISSING,
                "file tree");
    text_refuse("d4:infod9:file treele12:meta versioni2e4:name1:t12:piece lengthi16384eee",
                SPRAT_E_TYPE, "file tree");
    text_refuse(text_v2("", ""), SPRAT_E_MISSING, "no file");
    text_refuse(text_v2("1:ade", ""), SPRAT_E_MISSING, "no file");
    text_refuse(text_v2("1:ai1e", ""), SPRAT_E_TYPE, "entry");
    text_refuse(text_v2("1:ad0:lee", ""), SPRAT_E_TYPE, "dictionary");
    /* The root must be no file, a file must have no siblings, a directory's files need names. */
    text_refuse(text_v2("0:d6:lengthi5e11:pieces root" ROOT_A "e", ""), SPRAT_E_TYPE, "no name");
    text_refuse(text_v2("1:ad0:d6:lengthi5e11:pieces root" ROOT_A "e"
                        LEAF("1:b", "5", ROOT_B) "e", ""),
                SPRAT_E_TYPE, "at once");
    text_refuse(text_v2("0:d" LEAF("1:a", "5", ROOT_A) "e", ""), SPRAT_E_TYPE, "no name");
}

Test(metainfo_v2, lengths_and_roots)
{
    text_refuse(text_v2("1:ad0:d11:pieces root" ROOT_A "ee", ""), SPRAT_E_MISSING, "length");
    text_refuse(text_v2("1:ad0:d6:length1:5ee", ""), SPRAT_E_TYPE, "length");
    text_refuse(text_v2(LEAF("1:a", "-5", ROOT_A), ""), SPRAT_E_RANGE, "negative");
    text_refuse(text_v2(LEAF("1:a", "9223372036854775807", ROOT_A), ""), SPRAT_E_TOOBIG, "add up");
    text_refuse(text_v2("1:ad0:d6:lengthi5eee", ""), SPRAT_E_MISSING, "pieces root");
    text_refuse(text_v2(LEAF("1:a", "5", "3:abc"), ""), SPRAT_E_TYPE, "32 bytes");
    text_refuse(text_v2(LEAF("1:a", "5", "i1e"), ""), SPRAT_E_TYPE, "32 bytes");
    text_refuse(text_v2("1:ad0:d4:attr1:p6:lengthi5e11:pieces root" ROOT_A "ee", ""),
                SPRAT_E_MISMATCH, "pad");
}

Test(metainfo_v2, an_empty_file_needs_no_root)
{
    struct metainfo *mi = text_load(text_v2("1:ad0:d6:lengthi0eee" LEAF("1:b", "0", ROOT_A)
                                            LEAF("1:c", "5", ROOT_B), ""));

    cr_assert_not(mi->files[0].has_root);
    cr_assert_not(mi->files[1].has_root, "one that has it all the same is not believed");
    cr_assert(mi->files[2].has_root);
    metainfo_free(mi);
    text_refuse(text_v2("1:ad0:d6:lengthi0eee", ""), SPRAT_E_RANGE, "no data");
}

Test(metainfo_v2, a_root_of_zeros)
{
    char tree[] = LEAF("1:a", "5", ROOT_A);
    uint8_t raw[1000];
    struct metainfo *mi;
    struct errbuf eb;
    const char *text = text_v2(tree, "");
    size_t len = strlen(text);
    uint8_t *root;

    memcpy(raw, text, len);
    root = memmem(raw, len, "32:", 3);
    memset(root + 3, 0, 32);
    cr_assert_eq(metainfo_parse(raw, len, &mi, &eb), SPRAT_E_RANGE);
    cr_assert_not_null(strstr(eb.text, "zeros"));
}

Test(metainfo_v2, symlinks)
{
    struct metainfo *mi = text_load(text_v2(LEAF("1:a", "5", ROOT_A)
                                            "1:ld0:d4:attr1:l12:symlink pathl1:aeee", ""));

    cr_assert_eq(mi->files[1].attr, ATTR_SYMLINK);
    cr_assert_str_eq(mi->files[1].symlink, "t/a");
    cr_assert_eq(mi->files[1].length, 0);
    metainfo_free(mi);
    text_refuse(text_v2(LEAF("1:a", "5", ROOT_A) "1:ld0:d4:attr1:lee", ""), SPRAT_E_MISSING,
                "symlink path");
    text_refuse(text_v2(LEAF("1:a", "5", ROOT_A) "1:ld0:d4:attr1:l12:symlink pathli1eeee", ""),
                SPRAT_E_TYPE, "symlink path");
}

Test(metainfo_v2, a_tree_that_is_too_deep)
{
    char tree[2000] = "";

    for (int i = 0; i < 120; i++)
        strcat(tree, "1:ad");
    strcat(tree, LEAF("1:f", "5", ROOT_A));
    for (int i = 0; i < 120; i++)
        strcat(tree, "e");
    text_refuse(text_v2(tree, ""), SPRAT_E_DEPTH, "too deeply");
}

/* A made torrent, whose bytes a test changes before they are read. */
struct layered {
    struct made made;
    struct buf out;
};

static const struct made_file layered_files[] = {
    {.path = "a", .length = 100000},
    {.path = "b", .length = 100000},
    {.path = "c", .length = 80000},
    {.path = "d", .length = PIECE},
};

static void
layered_init(struct layered *l)
{
    made_init(&l->made, METAINFO_V2, "t", true, PIECE, layered_files, 4);
    buf_init(&l->out, METAINFO_SIZE_MAX);
    cr_assert_eq(metainfo_build(&l->made.build, &l->out, NULL), 0);
}

static void
layered_fini(struct layered *l)
{
    made_fini(&l->made);
    buf_fini(&l->out);
}

/* Replaces everything from "piece layers" on, and reads. */
static int
read_with_layers(const struct layered *l, const void *layers, size_t len, struct metainfo **mi,
                 struct errbuf *eb)
{
    uint8_t *at = memmem(buf_data(&l->out), buf_len(&l->out), "12:piece layers", 15);
    size_t before = (size_t)(at - buf_data(&l->out));
    uint8_t *raw = malloc(before + len);
    int err;

    memcpy(raw, buf_data(&l->out), before);
    memcpy(raw + before, layers, len);
    err = metainfo_parse(raw, before + len, mi, eb);
    free(raw);
    return err;
}

static void
refuse_layers(const struct layered *l, const struct buf *layers, int expected, const char *needle)
{
    struct metainfo *mi = NULL;
    struct errbuf eb = {0};
    int err = read_with_layers(l, buf_data(layers), buf_len(layers), &mi, &eb);

    cr_assert_eq(err, expected, "%s: %s", needle, eb.text);
    cr_assert_not_null(strstr(eb.text, needle), "%s: %s", needle, eb.text);
}

/* One entry of the dictionary. */
static void
put_layer(struct buf *out, const uint8_t *root, const uint8_t *layer, size_t len)
{
    buf_printf(out, "32:");
    buf_put(out, root, 32);
    buf_printf(out, "%zu:", len);
    buf_put(out, layer, len);
}

Test(metainfo_v2, files_of_one_content_share_a_layer)
{
    struct metainfo *mi = NULL;
    struct layered l;

    layered_init(&l);
    cr_assert_eq(metainfo_parse(buf_data(&l.out), buf_len(&l.out), &mi, NULL), 0);
    cr_assert_not_null(mi->files[0].layer);
    cr_assert_eq(mi->files[0].layer, mi->files[1].layer);
    cr_assert_arr_eq(mi->files[2].layer, l.made.layers[2], 96);
    cr_assert_null(mi->files[3].layer, "one piece needs none");
    cr_assert_not(mi->layers_missing);
    metainfo_free(mi);
    layered_fini(&l);
}

Test(metainfo_v2, layers_that_are_missing_can_be_fetched)
{
    static const char *const none[] = {"e", "12:piece layersdee"};
    struct metainfo *mi = NULL;
    struct layered l;
    struct buf some;

    layered_init(&l);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(read_with_layers(&l, none[i], strlen(none[i]), &mi, NULL), 0);
        cr_assert(mi->layers_missing);
        cr_assert_null(mi->files[0].layer);
        metainfo_free(mi);
    }
    buf_init(&some, 10000);
    buf_puts(&some, "12:piece layersd");
    put_layer(&some, l.made.roots[2], l.made.layers[2], 96);
    buf_puts(&some, "ee");
    cr_assert_eq(read_with_layers(&l, buf_data(&some), buf_len(&some), &mi, NULL), 0);
    cr_assert(mi->layers_missing, "that of a and b is");
    cr_assert_null(mi->files[0].layer);
    cr_assert_not_null(mi->files[2].layer);
    metainfo_free(mi);
    buf_fini(&some);
    layered_fini(&l);
}

/* Reads with one layer, that of c but for what is asked to be different. */
static void
refuse_layer_of_c(const uint8_t *root, size_t len, uint8_t flip, int err, const char *needle)
{
    uint8_t layer[200] = {0};
    struct layered l;
    struct buf out;

    layered_init(&l);
    memcpy(layer, l.made.layers[2], 96);
    layer[40] ^= flip;
    buf_init(&out, 10000);
    buf_puts(&out, "12:piece layersd");
    put_layer(&out, root != NULL ? root : l.made.roots[2], layer, len);
    buf_puts(&out, "ee");
    refuse_layers(&l, &out, err, needle);
    buf_fini(&out);
    layered_fini(&l);
}

Test(metainfo_v2, layers_that_are_wrong)
{
    static const uint8_t unknown[32] = {1, 2, 3};

    refuse_layer_of_c(NULL, 96, 1, SPRAT_E_HASH, "root");
    refuse_layer_of_c(NULL, 64, 0, SPRAT_E_MISMATCH, "2 hashes instead of 3");
    refuse_layer_of_c(NULL, 128, 0, SPRAT_E_MISMATCH, "4 hashes instead of 3");
    refuse_layer_of_c(NULL, 0, 0, SPRAT_E_MISMATCH, "0 hashes instead of 3");
    refuse_layer_of_c(NULL, 95, 0, SPRAT_E_MISMATCH, "95 bytes");
    refuse_layer_of_c(unknown, 96, 0, SPRAT_E_MISMATCH, "belongs to no file");
}

Test(metainfo_v2, layers_of_the_wrong_type)
{
    static const struct {
        const char *text, *needle;
    } bad[] = {
        {"12:piece layersi1ee", "not a dictionary"},
        {"12:piece layersd1:a32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaee", "key"},
        {"12:piece layersd32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai1eee", "not a string"},
    };
    struct layered l;

    layered_init(&l);
    for (size_t i = 0; i < 3; i++) {
        struct metainfo *mi;
        struct errbuf eb = {0};

        cr_assert_eq(read_with_layers(&l, bad[i].text, strlen(bad[i].text), &mi, &eb), SPRAT_E_TYPE,
                     "%s", bad[i].needle);
        cr_assert_not_null(strstr(eb.text, bad[i].needle), "%s", eb.text);
    }
    layered_fini(&l);
}

#define TREE_AB  LEAF("1:a", "5", ROOT_A) LEAF("1:b", "6", ROOT_B)
#define PAD(len) "d4:attr1:p6:lengthi" len "e4:pathl4:.pad" "1:xee"
#define V1_A     "d6:lengthi5e4:pathl1:aee"
#define V1_B     "d6:lengthi6e4:pathl1:bee"

Test(metainfo_v2, a_hybrid)
{
    struct metainfo *mi = text_load(text_hybrid(TREE_AB, V1_A PAD("16379") V1_B, 2));

    cr_assert_eq(mi->format, METAINFO_HYBRID);
    cr_assert(mi->id.has_v1 && mi->id.has_v2);
    cr_assert_eq(mi->file_count, 3);
    cr_assert(mi->files[0].has_root);
    cr_assert_eq(mi->files[1].attr, ATTR_PAD);
    cr_assert_not(mi->files[1].has_root);
    cr_assert_eq(mi->files[2].root[0], 'b');
    cr_assert_eq(metainfo_piece_len(mi, 0), 16384, "the pad counts for the v1 hash");
    cr_assert_eq(metainfo_piece_len(mi, 1), 6);
    cr_assert_eq(identity_wire_hash(&mi->id, false), mi->id.v1);
    cr_assert_eq(identity_wire_hash(&mi->id, true), mi->id.v2);
    metainfo_free(mi);
}

Test(metainfo_v2, a_hybrid_may_pad_its_end)
{
    struct metainfo *mi = text_load(text_hybrid(TREE_AB, V1_A PAD("16379") V1_B PAD("16378"), 2));

    cr_assert_eq(mi->piece_count, 2);
    cr_assert_eq(metainfo_piece_len(mi, 1), 16384);
    metainfo_free(mi);
    text_refuse(text_hybrid(TREE_AB, V1_A PAD("16379") V1_B PAD("16379"), 3), SPRAT_E_MISMATCH,
                "behind the last file");
}

Test(metainfo_v2, hybrids_that_contradict_themselves)
{
    text_refuse(text_hybrid(TREE_AB, V1_A V1_B, 1), SPRAT_E_MISMATCH, "alignment of t/b");
    text_refuse(text_hybrid(TREE_AB, V1_A PAD("16379"), 1), SPRAT_E_MISMATCH, "v2 alone has t/b");
    text_refuse(text_hybrid(LEAF("1:a", "5", ROOT_A), V1_A PAD("16379") V1_B, 2), SPRAT_E_MISMATCH,
                "v1 alone has t/b");
    text_refuse(text_hybrid(TREE_AB, "d6:lengthi4e4:pathl1:aee" PAD("16380") V1_B, 2),
                SPRAT_E_MISMATCH, "length of t/a");
    text_refuse(text_hybrid(TREE_AB, V1_B PAD("16378") V1_A, 2), SPRAT_E_MISMATCH, "path t/b");
    text_refuse(text_hybrid(TREE_AB, "d6:lengthi5e4:pathl1:Aee" PAD("16379") V1_B, 2),
                SPRAT_E_MISMATCH, "path t/A");
    text_refuse(text_hybrid(TREE_AB "1:ld0:d4:attr1:l12:symlink pathl1:aeee",
                            V1_A PAD("16379") V1_B "d4:attr1:l4:pathl1:le12:symlink pathl1:bee", 2),
                SPRAT_E_MISMATCH, "symlink t/l");
    text_refuse(text_hybrid(TREE_AB "1:ld0:d4:attr1:l12:symlink pathl1:aeee",
                            V1_A PAD("16379") V1_B "d6:lengthi0e4:pathl1:lee", 2),
                SPRAT_E_MISMATCH, "symlink t/l");
}

Test(metainfo_v2, half_a_v1_description_is_an_error)
{
    text_refuse("d4:infod9:file treed" LEAF("1:t", "5", ROOT_A)
                "e6:lengthi5e12:meta versioni2e4:name1:t12:piece lengthi16384eee",
                SPRAT_E_MISSING, "pieces");
    text_refuse("d4:infod9:file treed" LEAF("1:t", "5", ROOT_A)
                "e12:meta versioni2e4:name1:t12:piece lengthi16384e"
                "6:pieces20:hhhhhhhhhhhhhhhhhhhhee",
                SPRAT_E_MISSING, "length");
}

Test(metainfo_v2, a_single_file_hybrid_has_one_name)
{
    static const char form[] = "d4:infod9:file treed%se6:lengthi5e12:meta versioni2e4:name1:t"
                               "12:piece lengthi16384e6:pieces20:hhhhhhhhhhhhhhhhhhhhee";
    struct metainfo *mi;
    char text[500];

    snprintf(text, sizeof(text), form, LEAF("1:t", "5", ROOT_A));
    mi = text_load(text);
    cr_assert_not(mi->multi_file);
    cr_assert(mi->files[0].has_root);
    metainfo_free(mi);
    snprintf(text, sizeof(text), form, LEAF("1:u", "5", ROOT_A));
    text_refuse(text, SPRAT_E_MISMATCH, "path");
    snprintf(text, sizeof(text), form, "1:td" LEAF("1:u", "5", ROOT_A) "e");
    text_refuse(text, SPRAT_E_MISMATCH, "path");
}
