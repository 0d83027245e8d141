/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes small torrent files with made-up hashes and reads them back.
 */
#include "tests/unit/core/torrents.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/bencode.h"
#include "common/codec/merkle.h"
#include "common/crypto/sha.h"
#include "common/ds/buf.h"

enum { NAME_LEN = 24 };

struct tree {
    uint8_t root[32];
    uint8_t *layer; /* NULL for a file of one piece */
    size_t count;
};

void
torrent_leaf(uint64_t content, uint64_t block, uint8_t out[32])
{
    uint64_t seed[2] = {content, block};
    uint8_t bytes[BLOCK_LEN];

    if (content != TORRENT_REAL) {
        sha256(seed, sizeof(seed), out);
        return;
    }
    for (size_t j = 0; j < BLOCK_LEN; j++)
        bytes[j] = (uint8_t)(block * 7 + j * 13 + (j >> 8));
    sha256(bytes, sizeof(bytes), out);
}

static void
make_tree(struct tree *t, const struct torrent_file *f, uint32_t piece_length)
{
    uint64_t blocks = merkle_blocks(f->length), per_piece = piece_length / BLOCK_LEN;
    uint64_t leaves = blocks < per_piece ? blocks : per_piece;
    uint8_t *leaf = malloc(leaves * 32);

    *t = (struct tree){.count = (size_t)((blocks + per_piece - 1) / per_piece)};
    t->layer = malloc(t->count * 32);
    cr_assert(leaf != NULL && t->layer != NULL);
    for (size_t p = 0; p < t->count; p++) {
        uint64_t first = p * per_piece;
        uint64_t n = blocks - first < per_piece ? blocks - first : per_piece;
        unsigned height = merkle_log2(t->count > 1 ? per_piece : blocks);

        for (uint64_t b = 0; b < n; b++)
            torrent_leaf(f->content, first + b, leaf + b * 32);
        cr_assert_eq(merkle_root(leaf, n, 0, height, t->layer + p * 32), 0);
    }
    cr_assert_eq(
        merkle_root(t->layer, t->count, merkle_log2(per_piece), merkle_log2(t->count), t->root), 0);
    free(leaf);
    if (t->count == 1) {
        free(t->layer);
        t->layer = NULL;
    }
}

static void
put_file_tree(struct bencode_writer *w, const struct torrent_file *files, const struct tree *trees,
              size_t count)
{
    bencode_put_key(w, "file tree");
    bencode_begin_dict(w);
    for (size_t i = 0; i < count; i++) {
        char name[NAME_LEN];

        snprintf(name, sizeof(name), "f%06zu", i);
        bencode_put_key(w, name);
        bencode_begin_dict(w);
        bencode_put_key(w, "");
        bencode_begin_dict(w);
        bencode_put_key(w, "length");
        bencode_put_int(w, (int64_t)files[i].length);
        if (files[i].length > 0) {
            bencode_put_key(w, "pieces root");
            bencode_put_string(w, trees[i].root, 32);
        }
        bencode_end(w);
        bencode_end(w);
    }
    bencode_end(w);
}

static void
put_v1_file(struct bencode_writer *w, size_t number, bool pad, uint64_t length)
{
    char name[NAME_LEN];

    bencode_begin_dict(w);
    if (pad) {
        bencode_put_key(w, "attr");
        bencode_put_cstr(w, "p");
    }
    bencode_put_key(w, "length");
    bencode_put_int(w, (int64_t)length);
    bencode_put_key(w, "path");
    bencode_begin_list(w);
    if (pad)
        bencode_put_cstr(w, ".pad");
    snprintf(name, sizeof(name), "f%06zu", number);
    bencode_put_cstr(w, name);
    bencode_end(w);
    bencode_end(w);
}

/* The v1 file list of a hybrid, pads between the files. Returns the pieces. */
static uint64_t
put_hybrid_files(struct bencode_writer *w, const struct torrent_file *files, size_t count,
                 uint32_t piece_length)
{
    uint64_t at = 0;

    bencode_put_key(w, "files");
    bencode_begin_list(w);
    for (size_t i = 0; i < count; i++) {
        uint64_t gap = (piece_length - at % piece_length) % piece_length;

        if (files[i].length > 0 && gap > 0) {
            put_v1_file(w, i, true, gap);
            at += gap;
        }
        put_v1_file(w, i, false, files[i].length);
        at += files[i].length;
    }
    bencode_end(w);
    return (at + piece_length - 1) / piece_length;
}

static void
put_pieces(struct bencode_writer *w, uint64_t pieces)
{
    uint8_t *hashes = calloc(pieces + 1, 20);

    cr_assert_not_null(hashes);
    bencode_put_key(w, "pieces");
    bencode_put_string(w, hashes, pieces * 20);
    free(hashes);
}

static int
compare_root(const void *a, const void *b)
{
    return memcmp(((const struct tree *)a)->root, ((const struct tree *)b)->root, 32);
}

static void
put_layers(struct bencode_writer *w, struct tree *trees, size_t count)
{
    qsort(trees, count, sizeof(*trees), compare_root);
    bencode_put_key(w, "piece layers");
    bencode_begin_dict(w);
    for (size_t i = 0; i < count; i++) {
        if (trees[i].layer == NULL || (i > 0 && compare_root(&trees[i - 1], &trees[i]) == 0))
            continue;
        bencode_put_key_bytes(w, trees[i].root, 32);
        bencode_put_string(w, trees[i].layer, trees[i].count * 32);
    }
    bencode_end(w);
}

static struct metainfo *
parse(struct buf *out)
{
    struct metainfo *mi = NULL;
    struct errbuf eb;
    int err = out->err;

    cr_assert_eq(err, 0);
    err = metainfo_parse(buf_data(out), buf_len(out), &mi, &eb);
    cr_assert_eq(err, 0, "%s", err != 0 ? eb.text : "");
    buf_fini(out);
    return mi;
}

struct metainfo *
torrent_make(uint32_t piece_length, const struct torrent_file *files, size_t count, unsigned flags)
{
    struct tree *trees = calloc(count, sizeof(*trees));
    struct bencode_writer w;
    struct buf out;
    uint64_t pieces = 0;

    cr_assert_not_null(trees);
    for (size_t i = 0; i < count; i++)
        if (files[i].length > 0)
            make_tree(&trees[i], &files[i], piece_length);
    buf_init(&out, METAINFO_SIZE_MAX);
    bencode_writer_init(&w, &out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, "info");
    bencode_begin_dict(&w);
    put_file_tree(&w, files, trees, count);
    if ((flags & TORRENT_HYBRID) != 0)
        pieces = put_hybrid_files(&w, files, count, piece_length);
    bencode_put_key(&w, "meta version");
    bencode_put_int(&w, 2);
    bencode_put_key(&w, "name");
    bencode_put_cstr(&w, "torrent");
    bencode_put_key(&w, "piece length");
    bencode_put_int(&w, piece_length);
    if ((flags & TORRENT_HYBRID) != 0)
        put_pieces(&w, pieces);
    bencode_end(&w);
    if ((flags & TORRENT_NO_LAYERS) == 0)
        put_layers(&w, trees, count);
    bencode_end(&w);
    for (size_t i = 0; i < count; i++)
        free(trees[i].layer);
    free(trees);
    return parse(&out);
}

struct metainfo *
torrent_make_v1(uint32_t piece_length, const int64_t *lengths, size_t count)
{
    struct bencode_writer w;
    struct buf out;
    uint64_t total = 0;

    buf_init(&out, METAINFO_SIZE_MAX);
    bencode_writer_init(&w, &out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, "info");
    bencode_begin_dict(&w);
    bencode_put_key(&w, "files");
    bencode_begin_list(&w);
    for (size_t i = 0; i < count; i++) {
        uint64_t length = (uint64_t)(lengths[i] < 0 ? -lengths[i] : lengths[i]);

        put_v1_file(&w, i, lengths[i] < 0, length);
        total += length;
    }
    bencode_end(&w);
    bencode_put_key(&w, "name");
    bencode_put_cstr(&w, "torrent");
    bencode_put_key(&w, "piece length");
    bencode_put_int(&w, piece_length);
    put_pieces(&w, (total + piece_length - 1) / piece_length);
    bencode_end(&w);
    bencode_end(&w);
    return parse(&out);
}
