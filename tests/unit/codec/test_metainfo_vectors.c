/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Real torrent files: those in tests/vectors/torrents were made by libtorrent 2.0.8 from the
 * content that made_torrent.c makes up, so its hashes can be held against ours; and the conformance
 * list of other projects' files, where it is at hand.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/codec/made_torrent.h"

enum { PIECE = 32768, FILE_MAX = 1024 * 1024 };

/* Reads a file below the source folder; NULL if it is not there. */
static uint8_t *
slurp(const char *folder, const char *name, size_t *len)
{
    const char *top = getenv("top_srcdir");
    char path[4096];
    uint8_t *bytes;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/%s", top != NULL ? top : ".", folder, name);
    f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    bytes = malloc(FILE_MAX);
    *len = fread(bytes, 1, FILE_MAX, f);
    fclose(f);
    return bytes;
}

static struct metainfo *
load_vector(const char *name)
{
    struct metainfo *mi = NULL;
    struct errbuf eb = {0};
    size_t len;
    uint8_t *bytes = slurp("tests/vectors/torrents", name, &len);

    cr_assert_not_null(bytes, "%s can't be read (is top_srcdir set?)", name);
    cr_assert_eq(metainfo_parse(bytes, len, &mi, &eb), 0, "%s: %s", name, eb.text);
    free(bytes);
    return mi;
}

static const char *
to_hex(const uint8_t *bytes, size_t len)
{
    static char text[65];

    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

static const struct made_file tree[] = {
    {.path = "1-empty"},
    {.path = "a dir/one.bin", .length = 5},
    {.path = "a dir/sub/deep/big", .length = 200000, .attr = ATTR_EXECUTABLE},
    {.path = "a dir/sub/link", .attr = ATTR_SYMLINK, .symlink = "a dir/one.bin"},
    {.path = "a-dir"},
    {.path = "b", .length = 16384},
    {.path = "b.empty"},
    {.path = "c same", .length = 70000},
    {.path = "d same", .length = 70000},
    {.path = "e", .length = 32768},
    {.path = "\xc3\xa9t\xc3\xa9.txt", .length = 123457},
    {.path = "\xe2\x82\xac"},
};
enum { TREE = sizeof(tree) / sizeof(tree[0]) };

/* Holds libtorrent's torrent of the tree against ours, file by file, pads left out. */
static void
compare_trees(const char *name, enum metainfo_format format)
{
    struct metainfo *theirs = load_vector(name), *ours;
    struct made m;
    size_t k = 0;

    made_init(&m, format, "multi", true, PIECE, tree, TREE);
    ours = made_parse(&m);
    cr_assert_eq(theirs->format, format);
    cr_assert_eq(theirs->total_size, ours->total_size);
    cr_assert_eq(theirs->piece_count, ours->piece_count);
    for (size_t i = 0; i < theirs->file_count; i++) {
        const struct metainfo_file *a = &theirs->files[i], *b = &ours->files[k];

        if ((a->attr & ATTR_PAD) != 0)
            continue;
        while ((b->attr & ATTR_PAD) != 0)
            b = &ours->files[++k];
        k++;
        cr_assert_str_eq(a->path, b->path);
        cr_assert_eq(a->length, b->length, "%s", a->path);
        cr_assert_eq(a->has_root, b->has_root, "%s", a->path);
        cr_assert_arr_eq(a->root, b->root, 32, "%s", a->path);
        cr_assert_eq(a->layer == NULL, b->layer == NULL, "%s", a->path);
        if (a->layer != NULL)
            cr_assert_arr_eq(a->layer, b->layer, 32 * (size_t)a->piece_count, "%s", a->path);
        if (a->symlink != NULL)
            cr_assert_str_eq(a->symlink, b->symlink);
    }
    cr_assert_eq(k, ours->file_count);
    metainfo_free(theirs);
    metainfo_free(ours);
    made_fini(&m);
}

Test(metainfo_vectors, libtorrent_v2_has_our_hashes)
{
    compare_trees("libtorrent-multi-v2.torrent", METAINFO_V2);
}

Test(metainfo_vectors, libtorrent_hybrid_has_our_hashes)
{
    compare_trees("libtorrent-multi-hybrid.torrent", METAINFO_HYBRID);
}

Test(metainfo_vectors, libtorrent_single_files_have_our_hashes)
{
    static const struct made_file one[] = {{.path = "", .length = 100001}};
    static const char *const names[] = {"libtorrent-single-v1.torrent",
                                        "libtorrent-single-v2.torrent",
                                        "libtorrent-single-hybrid.torrent"};

    for (int format = METAINFO_V1; format <= METAINFO_HYBRID; format++) {
        struct metainfo *theirs = load_vector(names[format]), *ours;
        struct made m;

        made_init(&m, (enum metainfo_format)format, "single.bin", false, PIECE, one, 1);
        ours = made_parse(&m);
        cr_assert_eq((int)theirs->format, format);
        cr_assert_str_eq(theirs->files[0].path, "single.bin");
        if (theirs->id.has_v1)
            cr_assert_arr_eq(theirs->pieces, ours->pieces, 80);
        if (theirs->id.has_v2)
            cr_assert_arr_eq(theirs->files[0].layer, ours->files[0].layer, 128);
        metainfo_free(theirs);
        metainfo_free(ours);
        made_fini(&m);
    }
}

Test(metainfo_vectors, info_hashes_as_libtorrent_reports_them)
{
    static const struct {
        const char *file, *v1, *v2;
    } known[] = {
        {"libtorrent-multi-v1.torrent", "c3c8fc9cf404050ec5b732dc37f6baa69ab64a16", NULL},
        {"libtorrent-multi-v2.torrent", NULL,
         "c8d30c9e6f73c8e1e7385f9329a5ed904ef664ef86a15169ebbdc5f160e4ba84"},
        {"libtorrent-multi-hybrid.torrent", "96c6eb578b49fece0b60bb7ef9c862a4975eca51",
         "9673ef21dc911eaf6ba3e7ba9fcc9490f9fb720fe76d77dad0ce3e05cc8e1d0c"},
        {"libtorrent-single-v1.torrent", "dc71d6a7482a4f7321a6d79f0dcf80755191f106", NULL},
        {"libtorrent-single-v2.torrent", NULL,
         "6fc9578d03358ba6be9e06994a7db31b0844165cbdd0b90e3eb3f3d88c2b2f6a"},
        {"libtorrent-single-hybrid.torrent", "52796aa5b9475478f6f72529b66e092ed5c6154f",
         "3ff5bf516a2b69b3341ac79f093647bade92061710314ec072eec2dd3910dbf5"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct metainfo *mi = load_vector(known[i].file);

        cr_assert_eq(mi->id.has_v1, known[i].v1 != NULL);
        cr_assert_eq(mi->id.has_v2, known[i].v2 != NULL);
        if (mi->id.has_v1)
            cr_assert_str_eq(to_hex(mi->id.v1, 20), known[i].v1);
        if (mi->id.has_v2)
            cr_assert_str_eq(to_hex(mi->id.v2, 32), known[i].v2);
        metainfo_free(mi);
    }
}

/* Every proper prefix must fail, and with nothing read behind its end or left in memory. */
Test(metainfo_vectors, every_truncation_fails)
{
    static const char *const names[] = {"libtorrent-multi-v1.torrent",
                                        "libtorrent-multi-hybrid.torrent"};

    for (size_t i = 0; i < 2; i++) {
        size_t len;
        uint8_t *bytes = slurp("tests/vectors/torrents", names[i], &len);

        for (size_t n = 0; n < len; n++) {
            uint8_t *cut = malloc(n > 0 ? n : 1);
            struct metainfo *mi;

            memcpy(cut, bytes, n);
            cr_assert_eq(metainfo_parse(cut, n, &mi, NULL), SPRAT_E_TRUNCATED, "%zu bytes", n);
            free(cut);
        }
        free(bytes);
    }
}

/* Whatever one changed byte does, it does not crash, and what still loads is still sound. */
Test(metainfo_vectors, every_changed_byte_is_survived)
{
    static const uint8_t changes[] = {0x01, 0x10, 0x80};
    size_t len, loaded = 0;
    uint8_t *bytes = slurp("tests/vectors/torrents", "libtorrent-multi-hybrid.torrent", &len);

    for (size_t at = 0; at < len; at++) {
        for (size_t i = 0; i < sizeof(changes); i++) {
            struct metainfo *mi;

            bytes[at] ^= changes[i];
            if (metainfo_parse(bytes, len, &mi, NULL) == 0) {
                loaded++;
                cr_assert_gt(mi->piece_count, 0);
                cr_assert_eq(metainfo_file_at(mi, mi->span - 1) < mi->file_count, true);
                metainfo_free(mi);
            }
            bytes[at] ^= changes[i];
        }
    }
    cr_assert_gt(loaded, 0, "bytes of hashes may change");
    free(bytes);
}

/* The columns of one line of the list, split at tabs. */
struct row {
    char *file, *expect, *v1, *v2;
};

static bool
split_row(char *line, struct row *row)
{
    char *save = NULL;

    if (line[0] == '#')
        return false;
    row->file = strtok_r(line, "\t", &save);
    row->expect = strtok_r(NULL, "\t", &save);
    row->v1 = strtok_r(NULL, "\t", &save);
    row->v2 = strtok_r(NULL, "\t", &save);
    return row->v2 != NULL;
}

static void
check_row(const struct row *row)
{
    struct metainfo *mi = NULL;
    struct errbuf eb = {0};
    size_t len;
    uint8_t *bytes = slurp("../shared/conformance", row->file, &len);
    int err;

    cr_assert_not_null(bytes, "%s", row->file);
    err = metainfo_parse(bytes, len, &mi, &eb);
    free(bytes);
    if (strcmp(row->expect, "reject") == 0) {
        cr_assert_neq(err, 0, "%s must be refused", row->file);
        cr_assert_gt(strlen(eb.text), 0, "%s is refused without a word", row->file);
        return;
    }
    cr_assert_eq(err, 0, "%s: %s", row->file, eb.text);
    cr_assert_str_eq(mi->id.has_v1 ? to_hex(mi->id.v1, 20) : "-", row->v1, "%s", row->file);
    cr_assert_str_eq(mi->id.has_v2 ? to_hex(mi->id.v2, 32) : "-", row->v2, "%s", row->file);
    metainfo_free(mi);
}

/* What the list says in words of some files: their paths, pads left out. */
Test(metainfo_vectors, conformance_paths)
{
    static const struct {
        const char *file, *paths[3];
    } known[] = {
        {"parent_path.torrent", {"temp/bar"}},
        {"slash_path.torrent", {"temp/bar"}},
        {"absolute_filename.torrent", {"temp/abcde", "temp/foobar"}},
        {"pad_file.torrent", {"temp/foo/bar.txt"}},
        {"symlink1.torrent", {"temp/a/b/bar", "temp/a/b/foo"}},
        {"v2_only.torrent", {"test1MB"}},
        {"v2_multiple_files.torrent",
         {"test/stress_test0", "test/stress_test1", "test/stress_test2"}},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct metainfo *mi = NULL;
        size_t len, k = 0;
        uint8_t *bytes = slurp("../shared/conformance", known[i].file, &len);

        if (bytes == NULL)
            cr_skip_test("../shared/conformance is not there");
        cr_assert_eq(metainfo_parse(bytes, len, &mi, NULL), 0, "%s", known[i].file);
        for (size_t f = 0; f < mi->file_count; f++)
            if ((mi->files[f].attr & ATTR_PAD) == 0)
                cr_assert_str_eq(mi->files[f].path, known[i].paths[k++]);
        cr_assert(k == 3 || known[i].paths[k] == NULL, "%s", known[i].file);
        if (strcmp(known[i].file, "symlink1.torrent") == 0)
            cr_assert_str_eq(mi->files[1].symlink, "temp/a/b/bar");
        metainfo_free(mi);
        free(bytes);
    }
}

Test(metainfo_vectors, conformance_list)
{
    size_t len, rows = 0;
    char *list = (char *)slurp("../shared/conformance", "MANIFEST.tsv", &len), *save = NULL;

    if (list == NULL)
        cr_skip_test("../shared/conformance is not there");
    list[len < FILE_MAX ? len : FILE_MAX - 1] = '\0';
    for (char *line = strtok_r(list, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        struct row row;

        if (!split_row(line, &row))
            continue;
        check_row(&row);
        rows++;
    }
    cr_assert_gt(rows, 0);
    free(list);
}
