/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writing torrent files: all formats back through the reader, determinism, what is refused. That
 * libtorrent agrees about the hashes of the same content is in test_metainfo_vectors.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/metainfo_path.h"
#include "tests/unit/codec/made_torrent.h"

enum { PIECE = 32768 };

static const struct made_file tree[] = {
    {.path = "0 empty"},
    {.path = "a/b/big", .length = 100000, .attr = ATTR_EXECUTABLE},
    {.path = "a/link", .attr = ATTR_SYMLINK, .symlink = "a/b/big"},
    {.path = "a-b", .length = 5, .attr = ATTR_HIDDEN},
    {.path = "c", .length = PIECE},
    {.path = "d", .length = 70000},
    {.path = "e", .length = 70000},
    {.path = "f"},
};
enum { TREE = sizeof(tree) / sizeof(tree[0]) };

static int
try_build(const struct made *m, struct errbuf *eb)
{
    struct buf out;
    int err;

    buf_init(&out, METAINFO_SIZE_MAX);
    err = metainfo_build(&m->build, &out, eb);
    buf_fini(&out);
    return err;
}

/* Builds |n| files, and expects INVAL with a sentence that has |needle| in it. */
static void
expect_refused(enum metainfo_format format, const struct made_file *files, size_t n,
               const char *needle)
{
    struct errbuf eb = {0};
    struct made m;

    made_init(&m, format, "top", true, PIECE, files, n);
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL, "%s", needle);
    cr_assert_not_null(strstr(eb.text, needle), "\"%s\" says nothing of \"%s\"", eb.text, needle);
    made_fini(&m);
}

static void
check_file(const struct metainfo *mi, const struct made_file *meant, const char *name,
           const struct metainfo_file *file)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/%s", name, meant->path);
    cr_assert_str_eq(file->path, path);
    cr_assert_eq(file->length, meant->length);
    cr_assert_eq(file->attr, meant->attr, "%s", path);
    if (meant->symlink != NULL) {
        snprintf(path, sizeof(path), "%s/%s", name, meant->symlink);
        cr_assert_str_eq(file->symlink, path);
    } else {
        cr_assert_null(file->symlink);
    }
    cr_assert_eq(file->has_root, mi->id.has_v2 && meant->length > 0);
    cr_assert_eq(file->layer != NULL, mi->id.has_v2 && meant->length > PIECE);
    if (mi->id.has_v2 && file->length > 0)
        cr_assert_eq(file->offset % PIECE, 0, "%s starts with a piece", path);
}

static void
round_trip(enum metainfo_format format)
{
    struct metainfo *mi;
    struct made m;
    uint64_t end = 0;
    size_t k = 0;

    made_init(&m, format, "top", true, PIECE, tree, TREE);
    mi = made_parse(&m);
    cr_assert_eq(mi->format, format);
    cr_assert_eq(mi->id.has_v1, format != METAINFO_V2);
    cr_assert_eq(mi->id.has_v2, format != METAINFO_V1);
    cr_assert_str_eq(mi->name, "top");
    cr_assert(mi->multi_file);
    cr_assert_eq(mi->total_size, 100000 + 5 + PIECE + 70000 + 70000);
    cr_assert_eq(mi->layers_missing, false);
    for (size_t i = 0; i < mi->file_count; i++) {
        cr_assert_geq(mi->files[i].offset, end, "files lie behind each other");
        end = mi->files[i].offset + mi->files[i].length;
        if ((mi->files[i].attr & ATTR_PAD) == 0)
            check_file(mi, &tree[k++], "top", &mi->files[i]);
    }
    cr_assert_eq(k, TREE);
    cr_assert_eq(mi->span, end);
    cr_assert_eq(mi->piece_count, (end + PIECE - 1) / PIECE);
    metainfo_free(mi);
    made_fini(&m);
}

Test(metainfo_build, v1_round_trip)
{
    round_trip(METAINFO_V1);
}

Test(metainfo_build, v2_round_trip)
{
    round_trip(METAINFO_V2);
}

Test(metainfo_build, hybrid_round_trip)
{
    round_trip(METAINFO_HYBRID);
}

Test(metainfo_build, single_file)
{
    static const struct made_file one[] = {{.path = "ignored", .length = 100001}};

    for (int format = METAINFO_V1; format <= METAINFO_HYBRID; format++) {
        struct metainfo *mi;
        struct made m;

        made_init(&m, (enum metainfo_format)format, "one.bin", false, PIECE, one, 1);
        mi = made_parse(&m);
        cr_assert_not(mi->multi_file);
        cr_assert_eq(mi->file_count, 1);
        cr_assert_str_eq(mi->files[0].path, "one.bin");
        cr_assert_eq(mi->piece_count, 4);
        metainfo_free(mi);
        made_fini(&m);
    }
}

Test(metainfo_build, everything_that_is_not_content)
{
    static const char *const first[] = {"http://one/announce"};
    static const char *const second[] = {"udp://two:1", "udp://three:2"};
    static const struct metainfo_tier tiers[] = {{first, 1}, {second, 2}};
    static const char *const seeds[] = {"http://seed/"};
    struct metainfo *mi;
    struct made m;

    made_init(&m, METAINFO_HYBRID, "top", true, PIECE, tree, TREE);
    m.build.tiers = tiers;
    m.build.tier_count = 2;
    m.build.web_seeds = seeds;
    m.build.web_seed_count = 1;
    m.build.is_private = true;
    m.build.source = "club";
    m.build.comment = "a comment";
    m.build.created_by = "a test";
    m.build.creation_date = 1234567890;
    mi = made_parse(&m);
    cr_assert_eq(mi->tier_count, 2);
    cr_assert_str_eq(mi->tiers[0].urls[0], first[0]);
    cr_assert_eq(mi->tiers[1].count, 2);
    cr_assert_str_eq(mi->tiers[1].urls[1], second[1]);
    cr_assert_eq(mi->web_seed_count, 1);
    cr_assert_str_eq(mi->web_seeds[0], seeds[0]);
    cr_assert(mi->is_private);
    cr_assert_str_eq(mi->source, "club");
    cr_assert_str_eq(mi->comment, "a comment");
    cr_assert_str_eq(mi->created_by, "a test");
    cr_assert_eq(mi->creation_date, 1234567890);
    metainfo_free(mi);
    made_fini(&m);
}

Test(metainfo_build, dht_nodes)
{
    static struct metainfo_node nodes[METAINFO_NODES_MAX + 1] = {{"2001:db8::1", 6881},
                                                                 {"node.example", 1}};
    struct metainfo *mi;
    struct errbuf eb;
    struct buf out;
    struct made m;

    made_init(&m, METAINFO_HYBRID, "top", true, PIECE, tree, TREE);
    m.build.nodes = nodes;
    m.build.node_count = 2;
    mi = made_parse(&m);
    cr_assert_eq(mi->node_count, 2);
    cr_assert_eq(mi->tier_count, 0);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_str_eq(mi->nodes[i].host, nodes[i].host);
        cr_assert_eq(mi->nodes[i].port, nodes[i].port);
    }
    metainfo_free(mi);
    buf_init(&out, METAINFO_SIZE_MAX);
    m.build.is_private = true;
    cr_assert_eq(metainfo_build(&m.build, &out, &eb), SPRAT_E_INVAL);
    m.build.is_private = false;
    nodes[0].host = "a b";
    cr_assert_eq(metainfo_build(&m.build, &out, &eb), SPRAT_E_INVAL);
    cr_assert_not_null(strstr(eb.text, "DHT node"), "%s", eb.text);
    nodes[0].host = "a";
    m.build.node_count = METAINFO_NODES_MAX + 1;
    cr_assert_eq(metainfo_build(&m.build, &out, &eb), SPRAT_E_INVAL);
    buf_fini(&out);
    made_fini(&m);
}

Test(metainfo_build, time_and_trackers_do_not_change_the_info_hash)
{
    static const char *const url[] = {"http://one/announce"};
    static const struct metainfo_tier tier = {url, 1};
    struct metainfo *plain, *other;
    struct made m;

    made_init(&m, METAINFO_HYBRID, "top", true, PIECE, tree, TREE);
    plain = made_parse(&m);
    m.build.tiers = &tier;
    m.build.tier_count = 1;
    m.build.creation_date = 77;
    m.build.comment = "other";
    other = made_parse(&m);
    cr_assert_arr_eq(plain->id.v1, other->id.v1, 20);
    cr_assert_arr_eq(plain->id.v2, other->id.v2, 32);
    metainfo_free(plain);
    metainfo_free(other);
    made_fini(&m);
}

Test(metainfo_build, private_and_source_do_change_it)
{
    struct metainfo *plain, *other;
    struct made m;

    made_init(&m, METAINFO_V1, "top", true, PIECE, tree, TREE);
    plain = made_parse(&m);
    m.build.is_private = true;
    other = made_parse(&m);
    cr_assert(memcmp(plain->id.v1, other->id.v1, 20) != 0);
    metainfo_free(plain);
    metainfo_free(other);
    made_fini(&m);
}

Test(metainfo_build, paths_are_ordered_as_the_tree_is_walked)
{
    /* '-' and ' ' sort before '/', but a directory's content stands where the directory does. */
    static const char *const sorted[] = {"a", "a/b", "a/b/c", "a/c", "a b", "a-b", "b", "\xc3\xa9"};

    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 8; k++) {
            int c = metainfo_path_compare(sorted[i], sorted[k]);

            cr_assert((i < k && c < 0) || (i == k && c == 0) || (i > k && c > 0), "%s %s",
                      sorted[i], sorted[k]);
        }
}

Test(metainfo_build, names_that_would_change_are_refused)
{
    static const char *const bad[] = {"a\nb", "..", "a/../b", "./a", "a//b",
                                      "/a",   "a/", "\xff",   ""};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct made_file file = {.path = bad[i], .length = 5};

        expect_refused(METAINFO_V1, &file, 1, "can't stand in a torrent");
        expect_refused(METAINFO_V2, &file, 1, "can't stand in a torrent");
    }
}

Test(metainfo_build, long_and_deep_names_are_refused)
{
    char name[METAINFO_NAME_MAX + 2], deep[400] = "";
    struct made_file file = {.path = name, .length = 5};

    memset(name, 'n', sizeof(name));
    name[METAINFO_NAME_MAX + 1] = '\0';
    expect_refused(METAINFO_V1, &file, 1, "can't stand");
    for (int i = 0; i < 120; i++)
        strcat(deep, "d/");
    strcat(deep, "f");
    file.path = deep;
    expect_refused(METAINFO_V2, &file, 1, "directories deep");
}

Test(metainfo_build, the_deepest_tree_that_is_written_is_read)
{
    char deep[400] = "";
    struct made_file file = {.path = deep, .length = 5};
    struct metainfo *mi;
    struct made m;

    for (int i = 0; i < 94; i++)
        strcat(deep, "d/");
    strcat(deep, "f");
    made_init(&m, METAINFO_HYBRID, "top", true, PIECE, &file, 1);
    mi = made_parse(&m);
    cr_assert_eq(strlen(mi->files[0].path), 4 + 2 * 94 + 1);
    metainfo_free(mi);
    made_fini(&m);
}

Test(metainfo_build, order_and_conflicts)
{
    static const struct made_file swapped[] = {{.path = "b", .length = 5},
                                               {.path = "a", .length = 5}};
    static const struct made_file twice[] = {{.path = "a", .length = 5},
                                             {.path = "a", .length = 5}};
    static const struct made_file both[] = {{.path = "a", .length = 5},
                                            {.path = "a/b", .length = 5}};

    expect_refused(METAINFO_V2, swapped, 2, "out of order");
    expect_refused(METAINFO_V2, twice, 2, "listed twice");
    expect_refused(METAINFO_V1, both, 2, "file and a directory");
}

Test(metainfo_build, links_must_stay_inside)
{
    static const struct made_file out[] = {
        {.path = "a", .length = 5}, {.path = "l", .attr = ATTR_SYMLINK, .symlink = "../etc"}};
    static const struct made_file dangling[] = {
        {.path = "a", .length = 5}, {.path = "l", .attr = ATTR_SYMLINK, .symlink = "b"}};

    expect_refused(METAINFO_HYBRID, out, 2, "can't stand");
    expect_refused(METAINFO_HYBRID, dangling, 2, "not in the torrent");
}

Test(metainfo_build, contradictions_are_refused)
{
    static const struct made_file pad[] = {{.path = "a", .length = 5, .attr = ATTR_PAD}};
    static const struct made_file no_target[] = {{.path = "a", .attr = ATTR_SYMLINK}};
    static const struct made_file old_pad[] = {{.path = "_____padding_file_0", .length = 5}};
    static const struct made_file nothing[] = {{.path = "a"}, {.path = "b"}};

    expect_refused(METAINFO_V1, pad, 1, "contradict");
    expect_refused(METAINFO_V1, no_target, 1, "contradict");
    expect_refused(METAINFO_V1, old_pad, 1, "padding");
    expect_refused(METAINFO_V2, nothing, 2, "no data");
}

Test(metainfo_build, shapes_that_are_refused)
{
    struct errbuf eb;
    struct made m;

    made_init(&m, METAINFO_HYBRID, "top", true, PIECE, tree, TREE);
    m.build.piece_length = PIECE + BLOCK_LEN;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    m.build.piece_length = BLOCK_LEN / 2;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    m.build.piece_length = 0;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    m.build.piece_length = PIECE;
    m.build.piece_count--;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    m.build.piece_count++;
    m.build.name = "a/b";
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    m.build.name = "top";
    m.build.multi_file = false;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    m.build.multi_file = true;
    m.build.file_count = 0;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    made_fini(&m);
}

Test(metainfo_build, hashes_that_are_wrong_are_refused)
{
    struct errbuf eb;
    struct made m;

    made_init(&m, METAINFO_V2, "top", true, PIECE, tree, TREE);
    m.layers[1][3] ^= 1;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    cr_assert_not_null(strstr(eb.text, "does not match its root"), "%s", eb.text);
    m.layers[1][3] ^= 1;
    m.files[1].layer = NULL;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    m.files[1].layer = m.layers[1];
    m.files[1].root = NULL;
    cr_assert_eq(try_build(&m, &eb), SPRAT_E_INVAL);
    made_fini(&m);
}

Test(metainfo_build, a_buffer_that_is_too_small_is_an_error)
{
    struct errbuf eb;
    struct made m;
    struct buf out;

    made_init(&m, METAINFO_HYBRID, "top", true, PIECE, tree, TREE);
    buf_init(&out, 300);
    cr_assert_eq(metainfo_build(&m.build, &out, &eb), SPRAT_E_TOOBIG);
    buf_fini(&out);
    made_fini(&m);
}
