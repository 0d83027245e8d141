/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the hash tree: one side has all layers, the other none, and the input is a program of what
 * passes between them: requests of any numbers, answers with any hash changed, answers made up.
 * Whatever happens, a proof that is served reaches the root, and only true hashes are ever learnt.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/codec/cursor.h"
#include "common/codec/merkle.h"
#include "common/codec/metainfo_build.h"
#include "common/crypto/sha.h"
#include "peer/core/hashtree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES = 5, PER_PIECE = 4, PIECE_LEN = PER_PIECE * BLOCK_LEN, STEPS_MAX = 200 };

/* Five files: one whose layer needs two requests, one whose layer needs one, a file of less than a
 * piece, one with the same content as the second, and a single block. */
static const uint32_t file_blocks[FILES] = {513 * PER_PIECE - 1, 23, 3, 23, 1};

struct side {
    struct metainfo *mi;
    struct geometry g;
    struct hashtree *tree;
    struct bitfield have;
};

static uint8_t true_leaves[FILES][513 * PER_PIECE][32];

/* The second and fourth file have the same leaves. */
static void
make_leaves(void)
{
    for (uint32_t f = 0; f < FILES; f++) {
        for (uint32_t b = 0; b < file_blocks[f]; b++) {
            uint32_t seed[2] = {f == 3 ? 1 : f, b};

            sha256(seed, sizeof(seed), true_leaves[f][b]);
        }
    }
}

static uint32_t
piece_blocks(size_t file, uint32_t piece)
{
    uint32_t left = file_blocks[file] - piece * PER_PIECE;

    return left < PER_PIECE ? left : PER_PIECE;
}

/* Fills in the file's layer, which the caller frees, and its root. */
static void
make_file(size_t file, struct metainfo_build_file *f, uint8_t root[32])
{
    static const char *const paths[FILES] = {"a", "b", "c", "d", "e"};
    uint32_t pieces = (file_blocks[file] - 1) / PER_PIECE + 1;
    unsigned height = pieces > 1 ? 2 : merkle_log2(file_blocks[file]);
    uint8_t *layer = malloc(pieces * 32);

    ASSERT(layer != NULL);
    for (uint32_t p = 0; p < pieces; p++)
        ASSERT(merkle_root(true_leaves[file][p * PER_PIECE], piece_blocks(file, p), 0, height,
                           layer + p * 32) == 0);
    ASSERT(merkle_root(layer, pieces, height, merkle_log2(pieces), root) == 0);
    *f = (struct metainfo_build_file){.path = paths[file],
                                      .root = root,
                                      .layer = layer,
                                      .length = (uint64_t)file_blocks[file] * BLOCK_LEN};
}

/* Makes the torrent; with |bare|, without its piece layers, which are at the end of the file. */
static struct metainfo *
make_torrent(bool bare)
{
    struct metainfo_build_file files[FILES];
    struct metainfo_build b = {.format = METAINFO_V2,
                               .name = "fuzz",
                               .multi_file = true,
                               .piece_length = PIECE_LEN,
                               .files = files,
                               .file_count = FILES};
    static const char key[] = "12:piece layers";
    struct metainfo *mi = NULL;
    uint8_t roots[FILES][32];
    struct buf out;
    struct errbuf eb;

    for (size_t i = 0; i < FILES; i++) {
        make_file(i, &files[i], roots[i]);
        b.piece_count += (file_blocks[i] - 1) / PER_PIECE + 1;
    }
    buf_init(&out, METAINFO_SIZE_MAX);
    ASSERT(metainfo_build(&b, &out, &eb) == 0);
    if (bare) {
        uint8_t *at = memmem(buf_data(&out), buf_len(&out), key, sizeof(key) - 1);

        ASSERT(at != NULL);
        *at = 'e';
        ASSERT(metainfo_parse(buf_data(&out), (size_t)(at - buf_data(&out)) + 1, &mi, &eb) == 0);
    } else {
        ASSERT(metainfo_parse(buf_data(&out), buf_len(&out), &mi, &eb) == 0);
    }
    buf_fini(&out);
    for (size_t i = 0; i < FILES; i++)
        free((void *)(uintptr_t)files[i].layer);
    return mi;
}

static void
side_init(struct side *s, struct metainfo *mi)
{
    s->mi = mi;
    ASSERT(geometry_init(&s->g, mi) == 0);
    s->tree = hashtree_new(&s->g);
    ASSERT(s->tree != NULL && bitfield_init(&s->have, mi->piece_count) == 0);
    bitfield_set_all(&s->have);
    for (uint32_t p = 0; p < mi->piece_count; p += 7)
        bitfield_clear(&s->have, p);
}

static void
side_fini(struct side *s)
{
    bitfield_fini(&s->have);
    hashtree_free(s->tree);
    geometry_fini(&s->g);
}

/* Checks true leaves: the tree must find them right, or not know yet, but never wrong. */
static int
check_true(struct side *s, uint32_t piece)
{
    uint32_t index;
    size_t file;
    int err;

    ASSERT(geometry_v2_file(&s->g, piece, &file, &index));
    err = hashtree_check(s->tree, piece, true_leaves[file][index * PER_PIECE],
                         piece_blocks(file, index));
    ASSERT(err == 0 || (err == SPRAT_E_AGAIN && !hashtree_piece_known(s->tree, piece)));
    return err;
}

static int
serve(struct side *s, const struct wire_hash_request *req, struct buf *out)
{
    uint32_t piece;
    int err;

    buf_reset(out);
    while ((err = hashtree_serve(s->tree, req, &s->have, out, &piece)) == SPRAT_E_AGAIN) {
        ASSERT(bitfield_get(&s->have, piece));
        if (check_true(s, piece) != 0)
            return SPRAT_E_NOTFOUND;
    }
    ASSERT(err == 0 ? buf_len(out) >= (size_t)req->length * 32 : buf_len(out) == 0);
    return err;
}

/* An answer with a proof up to the root must lead to the true root. */
static void
check_proof(const struct side *s, const struct wire_hash_request *req, const struct buf *out)
{
    unsigned own = merkle_log2(req->length), height = 0;
    size_t uncles = buf_len(out) / 32 - req->length;
    uint8_t node[32];

    for (size_t i = 0; i < FILES; i++)
        if (memcmp(s->mi->files[i].root, req->root, 32) == 0)
            height = merkle_log2(file_blocks[i]);
    if (req->base_layer + own + uncles != height)
        return;
    ASSERT(merkle_root(buf_data(out), req->length, req->base_layer, own, node) == 0);
    merkle_climb(node, req->index >> own, buf_data(out) + (size_t)req->length * 32, uncles, node);
    ASSERT(memcmp(node, req->root, 32) == 0);
}

static void
any_request(struct cursor *c, const struct side *s, struct wire_hash_request *req)
{
    uint8_t shape = cursor_u8(c), numbers = cursor_u8(c);

    *req = (struct wire_hash_request){.base_layer = numbers & 15, .proof_layers = numbers >> 4};
    memcpy(req->root, s->mi->files[shape % FILES].root, 32);
    if ((shape & 0x80) != 0) {
        req->length = cursor_u32(c);
        req->index = cursor_u32(c);
        req->root[0] ^= cursor_u8(c) & 1;
    } else {
        req->length = 1u << (shape >> 3 & 15);
        req->index = cursor_u8(c) * req->length;
    }
}

/* Passes on an answer of the tree that knows all hashes. If a hash was changed, the receiver must
 * store none of them. */
static void
exchange(struct cursor *c, struct side *full, struct side *bare,
         const struct wire_hash_request *req, bool leaves, struct buf *out)
{
    uint32_t n, flip = cursor_u16(c), piece;
    uint8_t bits = cursor_u8(c);
    bool complete = hashtree_complete(bare->tree);
    int err;

    if (serve(full, req, out) != 0) {
        if (!leaves)
            hashtree_forget(bare->tree, req);
        return;
    }
    n = (uint32_t)(buf_len(out) / 32);
    if (n == 0)
        return;
    buf_data(out)[(size_t)(flip % n) * 32 + bits % 32] ^= bits >> 5;
    err = hashtree_on_hashes(bare->tree, req, buf_data(out), n, &piece);
    ASSERT(bits >> 5 != 0 || err == 0);
    ASSERT(err == 0 || (piece == UINT32_MAX && complete == hashtree_complete(bare->tree)));
    if (err == 0 && leaves)
        ASSERT(piece < bare->mi->piece_count);
    if (err != 0 && !leaves)
        hashtree_forget(bare->tree, req);
}

/* Passes on an answer of random hashes, which can't be right. */
static void
make_up(struct cursor *c, struct side *bare)
{
    uint8_t hashes[40 * 32] = {0};
    struct wire_hash_request req;
    uint32_t piece;
    size_t n;

    any_request(c, bare, &req);
    n = cursor_u8(c) % 40;
    for (size_t i = 0; i < n; i++)
        hashes[i * 32] = cursor_u8(c);
    ASSERT(hashtree_on_hashes(bare->tree, &req, hashes, n, &piece) != 0);
    ASSERT(piece == UINT32_MAX);
}

static void
step(struct cursor *c, struct side *full, struct side *bare, struct buf *out)
{
    struct wire_hash_request req;
    uint8_t what = cursor_u8(c);

    switch (what % 6) {
    case 0:
        any_request(c, full, &req);
        if (serve(full, &req, out) == 0)
            check_proof(full, &req, out);
        break;
    case 1:
        if (hashtree_want_layer(bare->tree, &req))
            exchange(c, full, bare, &req, false, out);
        break;
    case 2:
        if (hashtree_want_leaves(bare->tree, cursor_u16(c) % bare->mi->piece_count, &req))
            exchange(c, full, bare, &req, true, out);
        break;
    case 3: make_up(c, bare); break;
    case 4:
        any_request(c, bare, &req);
        hashtree_forget(bare->tree, &req);
        break;
    case 5:
        any_request(c, bare, &req);
        if (serve(bare, &req, out) == 0)
            check_proof(bare, &req, out);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct metainfo *with, *without;
    struct cursor c = cursor_make(data, size);
    struct side full, bare;
    struct buf out;

    if (with == NULL) {
        make_leaves();
        with = make_torrent(false);
        without = make_torrent(true);
    }
    side_init(&full, with);
    side_init(&bare, without);
    buf_init(&out, (size_t)(HASHTREE_SERVE_MAX + 64) * 32);
    for (unsigned i = 0; i < STEPS_MAX && cursor_left(&c) > 0; i++)
        step(&c, &full, &bare, &out);
    for (uint32_t p = 0; p < without->piece_count; p += 23)
        (void)check_true(&bare, p);
    buf_fini(&out);
    side_fini(&full);
    side_fini(&bare);
    return 0;
}
