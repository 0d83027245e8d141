/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes up leaves, builds the trees over them, writes the torrent file and reads it back through
 * the codec, as every torrent comes in.
 */
#include "tests/sim/content.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/bencode.h"
#include "common/codec/merkle.h"
#include "common/codec/metainfo_build.h"
#include "common/crypto/sha.h"
#include "tests/sim/engine.h"

enum { NAME_LEN = 16 };

/* What is being built. */
struct draft {
    const struct content_spec *spec;
    struct metainfo_build_file *files;
    char (*names)[NAME_LEN];
    uint8_t (*roots)[32];
    uint8_t **layers;
    uint64_t span;
};

void
content_leaf(uint32_t piece, uint32_t block, uint8_t tag, uint8_t out[32])
{
    uint8_t name[9] = {tag};

    for (unsigned i = 0; i < 4; i++) {
        name[1 + i] = (uint8_t)(piece >> 8 * i);
        name[5 + i] = (uint8_t)(block >> 8 * i);
    }
    sha256(name, sizeof(name), out);
}

/* Lengths differ, some files are empty where there are many, and they add up. */
static uint64_t
file_length(const struct content_spec *spec, uint32_t i, uint64_t left)
{
    uint64_t mean = spec->size / spec->files;

    if (spec->lengths != NULL)
        return spec->lengths[i];
    if (i + 1 == spec->files)
        return left;
    if (i % 7 == 3 && spec->files > 7)
        return 0;
    return i % 2 == 0 ? mean - mean / 3 : mean + mean / 3;
}

static void
make_tree(struct draft *d, uint32_t i, uint32_t first_piece)
{
    uint32_t piece_length = d->spec->piece_length;
    uint64_t len = d->files[i].length, blocks = merkle_blocks(len);
    uint32_t bpp = piece_length / BLOCK_LEN;
    uint64_t pieces = (blocks + bpp - 1) / bpp;
    uint8_t *nodes = sim_alloc(pieces, 32);
    uint8_t *leaves = sim_alloc(bpp, 32);

    for (uint64_t p = 0; p < pieces; p++) {
        uint32_t n = blocks - p * bpp < bpp ? (uint32_t)(blocks - p * bpp) : bpp;

        for (uint32_t b = 0; b < n; b++)
            content_leaf(first_piece + (uint32_t)p, b, BLOCK_GOOD, leaves + (size_t)b * 32);
        merkle_root(leaves, n, 0, merkle_log2(pieces > 1 ? bpp : blocks), nodes + p * 32);
    }
    free(leaves);
    if (pieces > 1) {
        merkle_root(nodes, pieces, merkle_log2(bpp), merkle_log2(pieces), d->roots[i]);
        d->layers[i] = nodes;
    } else {
        memcpy(d->roots[i], nodes, 32);
        free(nodes);
    }
    d->files[i].root = d->roots[i];
    d->files[i].layer = d->layers[i];
}

static void
make_files(struct draft *d)
{
    const struct content_spec *spec = d->spec;
    uint64_t offset = 0, left = spec->size;

    for (uint32_t i = 0; i < spec->files; i++) {
        uint64_t len = file_length(spec, i, left);

        left -= len < left ? len : left;
        snprintf(d->names[i], NAME_LEN, "f%07" PRIu32, i);
        d->files[i].path = d->names[i];
        d->files[i].length = len;
        if (len == 0)
            continue;
        if (spec->format != METAINFO_V1) {
            offset = (offset + spec->piece_length - 1) / spec->piece_length * spec->piece_length;
            make_tree(d, i, (uint32_t)(offset / spec->piece_length));
        }
        offset += len;
    }
    d->span = offset;
}

/* Copies a torrent file without its "piece layers". */
static void
strip_layers(struct buf *file)
{
    struct bencode_limits limits = {16, UINT32_MAX, 1000000};
    struct bencode tree;
    struct bencode_writer w;
    struct buf out;
    const uint8_t *raw;
    size_t len;

    if (bencode_decode(&tree, buf_data(file), buf_len(file), BENCODE_STRICT, &limits) != 0)
        return;
    raw = bencode_raw(bencode_get(bencode_root(&tree), "info"), &len);
    buf_init(&out, METAINFO_SIZE_MAX);
    bencode_writer_init(&w, &out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, "info");
    bencode_put_raw(&w, raw, len);
    bencode_end(&w);
    bencode_fini(&tree);
    buf_fini(file);
    *file = out;
}

/* Layers are listed by the files of the build; the parsed file list has pads between. */
static void
place_layers(struct content *c, struct draft *d)
{
    uint32_t k = 0;

    c->layers = sim_alloc(c->mi->file_count, sizeof(*c->layers));
    for (size_t i = 0; i < c->mi->file_count; i++) {
        if ((c->mi->files[i].attr & ATTR_PAD) != 0)
            continue;
        c->layers[i] = d->layers[k];
        d->layers[k++] = NULL;
    }
}

static int
build(struct content *c, struct draft *d, struct errbuf *eb)
{
    const struct content_spec *spec = d->spec;
    struct metainfo_build b = {.format = spec->format,
                               .name = "simulated",
                               .multi_file = spec->files > 1,
                               .is_private = spec->is_private,
                               .piece_length = spec->piece_length,
                               .files = d->files,
                               .file_count = spec->files};
    uint8_t *pieces, digest[32];
    struct buf out;
    int err;

    make_files(d);
    b.piece_count = (uint32_t)((d->span + spec->piece_length - 1) / spec->piece_length);
    pieces = sim_alloc(b.piece_count, 20);
    for (uint32_t p = 0; p < b.piece_count; p++) {
        content_leaf(p, UINT32_MAX, BLOCK_GOOD, digest);
        memcpy(pieces + (size_t)p * 20, digest, 20);
    }
    b.pieces = spec->format == METAINFO_V2 ? NULL : pieces;
    buf_init(&out, METAINFO_SIZE_MAX);
    err = metainfo_build(&b, &out, eb);
    if (err == 0 && spec->no_layers)
        strip_layers(&out);
    if (err == 0)
        err = metainfo_parse(buf_data(&out), buf_len(&out), &c->mi, eb);
    buf_fini(&out);
    free(pieces);
    return err;
}

int
content_init(struct content *c, const struct content_spec *spec, struct errbuf *eb)
{
    struct draft d = {.spec = spec};
    int err;

    *c = (struct content){0};
    if (spec->files == 0 || spec->files > CONTENT_FILES_MAX ||
        (spec->lengths == NULL && spec->size < spec->files) || spec->piece_length < BLOCK_LEN ||
        spec->size / BLOCK_LEN + spec->files > CONTENT_BLOCKS_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "a torrent of such a size can't be simulated");
    d.files = sim_alloc(spec->files, sizeof(*d.files));
    d.names = sim_alloc(spec->files, NAME_LEN);
    d.roots = sim_alloc(spec->files, 32);
    d.layers = sim_alloc(spec->files, sizeof(*d.layers));
    err = build(c, &d, eb);
    if (err == 0) {
        ASSERT(geometry_init(&c->geo, c->mi) == 0);
        c->bpp = c->geo.blocks_per_piece;
        place_layers(c, &d);
    }
    for (uint32_t i = 0; i < spec->files; i++)
        free(d.layers[i]);
    free(d.layers);
    free(d.roots);
    free(d.names);
    free(d.files);
    return err;
}

void
content_fini(struct content *c)
{
    if (c->mi == NULL)
        return;
    for (size_t i = 0; i < c->mi->file_count; i++)
        free(c->layers[i]);
    free(c->layers);
    geometry_fini(&c->geo);
    metainfo_free(c->mi);
}
