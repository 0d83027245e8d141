/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hash tree's answers to peers, compared with recorded answers of libtorrent and with trees
 * that are computed in a simple, slow way.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rng.h"
#include "common/codec/merkle.h"
#include "common/crypto/sha.h"
#include "common/crypto/shamany.h"
#include "peer/core/hashtree.h"
#include "tests/unit/core/side.h"

enum { K = 1024, LAYERS_MAX = 24 };

/* --- the whole tree of one file, the slow way --- */

struct slow {
    uint8_t (*layer[LAYERS_MAX])[32];
    unsigned height;
};

static void
slow_init(struct slow *s, const struct torrent_file *f)
{
    uint64_t blocks = merkle_blocks(f->length);

    s->height = merkle_log2(blocks);
    for (unsigned l = 0; l <= s->height; l++) {
        s->layer[l] = calloc((size_t)1 << (s->height - l), 32);
        cr_assert_not_null(s->layer[l]);
    }
    for (uint64_t b = 0; b < blocks; b++)
        torrent_leaf(f->content, b, s->layer[0][b]);
    for (unsigned l = 1; l <= s->height; l++)
        for (size_t i = 0; i < (size_t)1 << (s->height - l); i++)
            sha256_pair(s->layer[l - 1][2 * i], s->layer[l - 1][2 * i + 1], s->layer[l][i]);
}

static void
slow_fini(struct slow *s)
{
    for (unsigned l = 0; l <= s->height; l++)
        free(s->layer[l]);
}

/* The answer that BEP 52 prescribes. */
static void
slow_answer(const struct slow *s, const struct wire_hash_request *req, struct buf *out)
{
    unsigned own = merkle_log2(req->length);

    for (uint32_t i = 0; i < req->length; i++)
        buf_put(out, s->layer[req->base_layer][req->index + i], 32);
    for (unsigned l = req->base_layer + own; l <= req->base_layer + req->proof_layers; l++)
        buf_put(out, s->layer[l][(req->index >> (l - req->base_layer)) ^ 1], 32);
}

/* --- recorded from libtorrent 2.0.8 --- */

struct vector {
    uint32_t base, index, length, proof;
    uint32_t count;     /* hashes in the answer; 0: rejected */
    const char *sha256; /* of the answer's hashes */
};

static void
check_vector(struct side *s, const struct torrent_file *files, const struct vector *v)
{
    struct wire_hash_request req = {
        .base_layer = v->base, .index = v->index, .length = v->length, .proof_layers = v->proof};
    uint8_t digest[32];
    char hex[65] = "";
    struct buf out;
    int err;

    memcpy(req.root, s->mi->files[0].root, 32);
    buf_init(&out, 1 << 20);
    err = side_serve(s, files, &req, &out);
    cr_assert_eq(err == 0, v->count > 0, "(%u, %u, %u, %u): %s", v->base, v->index, v->length,
                 v->proof, sprat_strerror(err));
    cr_assert_eq(buf_len(&out), 32 * (size_t)v->count);
    if (v->count > 0) {
        sha256(buf_data(&out), buf_len(&out), digest);
        for (size_t i = 0; i < 32; i++)
            snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        cr_assert_str_eq(hex, v->sha256, "(%u, %u, %u, %u)", v->base, v->index, v->length,
                         v->proof);
    }
    buf_fini(&out);
}

Test(hashtree_serve, answers_as_libtorrent_does)
{
    static const struct vector vectors[] = {
        {1, 0, 512, 9, 513, "f5cbaf59324bb4929308cd237e49bf7475dc0263212d95520d6c3b557e2c453f"},
        {1, 0, 512, 8, 512, "6587d3b9ca85b5045942ab76fe96d6fbbc572c9ef7929786250e411b0265fcb0"},
        {1, 0, 512, 0, 512, "6587d3b9ca85b5045942ab76fe96d6fbbc572c9ef7929786250e411b0265fcb0"},
        {1, 0, 512, 10, 0, ""},
        {1, 512, 2, 9, 11, "48508a01672c9aff30dd5f9fc490c2dffb0873c485213fa83f188b1cb54639d5"},
        {1, 512, 2, 0, 2, "fa3e12c691607cebccf03f2d83bba56ee60237a4a168c83fc14a025b2656f3d3"},
        {1, 512, 512, 9, 513, "d88360d3c5f06ed9679c84d6e276a571817f3a3fe1f99e40c91c1320d1f7aa55"},
        {1, 1022, 2, 9, 11, "6c37ce3eca1c1df0e494f5d87e8d3e1291aa9f2326b98ad4313e6b02cd305428"},
        {1, 1024, 2, 9, 0, ""},
        {1, 0, 1024, 9, 1024, "286d23488013e71fae37818f1c5a53d40407ec8c3bd00e45ab5fc173b5af48d6"},
        {0, 0, 2, 0, 2, "6bb9c415da8f239dda8b105dcd68c5a0ab657fab77304eaecb44fb39ee5a121e"},
        {0, 0, 2, 1, 3, "9574a8f7bdb9aa26b74a3f62c91131a6f0e521b1a2222c326c356fa4f107ef06"},
        {0, 2, 2, 10, 12, "7670b6d01d412885d2b25c76127bfff864f1d485532acf680a51362802b8a240"},
        {0, 1024, 2, 0, 2, "0eea172a94470676f5d9919b7a3de859316dc2a62472f8d3eb34bd8891f34e4d"},
        {0, 1024, 2, 10, 12, "5b7d37ea97deb5f614403717ca5213473e2c65bc40ca2d91c27892381f0f92fc"},
        {0, 1026, 2, 3, 5, "bea68972b59536bc872ceda4c5ab027ca979a6bb5c49cd52f73e3bbe1779a0f4"},
        {0, 1016, 8, 4, 10, "65d18cde59f77b1dc30578f574ebf682da4b26bd0afb37e78ed6b63e1c196084"},
        {0, 0, 2048, 10, 2048, "ae08868413a76ca93ed13fc06b16028b1b1297931ab25f4cf6bfade15e70cd9c"},
        {0, 0, 8192, 10, 0, ""},
        {2, 0, 4, 3, 6, "1d9b08de9eabeebadb69f04dfa2b3a357584e2ee36b63df238249e74a1d202a9"},
        {5, 0, 2, 2, 4, "35209f951c6453d4ed4e92f6600e02381d54ccba7e1ba97885891ca20ec6e6c1"},
        {10, 0, 2, 0, 2, "688d180b04dababc630fc88a7168bbf7c1a8f46fca972b64d31d8b54362ed886"},
        {10, 0, 2, 1, 0, ""},
        {11, 0, 2, 0, 0, ""},
        {0, 0, 2, 11, 0, ""},
    };
    struct torrent_file file = {1025 * BLOCK_LEN, TORRENT_REAL};
    struct side s;

    side_init(&s, 32 * K, &file, 1, 0);
    bitfield_set_all(&s.have);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        check_vector(&s, &file, &vectors[i]);
    side_fini(&s);
}

Test(hashtree_serve, answers_as_libtorrent_does_within_one_piece)
{
    static const struct vector vectors[] = {
        {0, 0, 8, 0, 8, "0674c19d5d44336c51cbaf7ef1a14b0a1139d6baa6bb5e1d7b13dd50042b875a"},
        {0, 0, 8, 2, 8, "0674c19d5d44336c51cbaf7ef1a14b0a1139d6baa6bb5e1d7b13dd50042b875a"},
        {0, 0, 8, 3, 0, ""},
        {0, 4, 4, 2, 5, "7870ba6830446b1d052a29fde4c3c895a7ee2034867df328717ca6112ef44e39"},
        {0, 6, 2, 2, 4, "68f67e1ff2f555d1aaa6572bfaad97b801b3b6ea682a836dfd5a0b2681682009"},
        {0, 4, 2, 2, 4, "8cee4bc262fa924d72c727de89651e7fe684fc00b0846d31abeb72b0f26585f1"},
        {1, 0, 2, 1, 3, "676e3131b8757278f85cfa8ef983a6201b3367225cbb88cf68a396468374d76a"},
        {4, 0, 2, 0, 0, ""},
        {2, 0, 2, 0, 2, "d6415152f969b27707682b7848902f75f9e57f837fc1254b3ad3efffbc77301f"},
    };
    struct torrent_file file = {6 * BLOCK_LEN, TORRENT_REAL};
    struct side s;

    side_init(&s, 256 * K, &file, 1, 0);
    bitfield_set_all(&s.have);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        check_vector(&s, &file, &vectors[i]);
    side_fini(&s);
}

/* libtorrent 2.0.8 ends a layer of 512·n + 1 pieces with a request for one hash, and takes only an
 * answer whose uncles start beside that hash itself. */
Test(hashtree_serve, a_request_for_one_hash_is_answered_with_all_its_uncles)
{
    struct torrent_file file = {513 * BLOCK_LEN, 3};
    struct wire_hash_request req = {.index = 512, .length = 1, .proof_layers = 9};
    uint8_t root[32];
    struct side s;
    struct buf out;

    side_init(&s, 16 * K, &file, 1, 0);
    memcpy(req.root, s.mi->files[0].root, 32);
    buf_init(&out, 1 << 20);
    cr_assert_eq(side_serve(&s, &file, &req, &out), 0);
    cr_assert_eq(buf_len(&out), 32u * 11);
    merkle_climb(buf_data(&out), 512, buf_data(&out) + 32, 10, root);
    cr_assert_arr_eq(root, req.root, 32);
    buf_fini(&out);
    side_fini(&s);
}

/* --- serving --- */

/* All layers and places, with random lengths and proofs, against the slow tree. */
static void
check_serving(uint32_t piece_length, const struct torrent_file *file, uint64_t seed)
{
    struct wire_hash_request req = {0};
    struct buf out, want;
    struct slow slow;
    struct side s;
    struct rng r;

    rng_init(&r, seed);
    side_init(&s, piece_length, file, 1, 0);
    bitfield_set_all(&s.have);
    slow_init(&slow, file);
    memcpy(req.root, s.mi->files[0].root, 32);
    cr_assert_eq(memcmp(slow.layer[slow.height][0], req.root, 32), 0);
    buf_init(&out, 1 << 20);
    buf_init(&want, 1 << 20);
    for (unsigned round = 0; round < 300 && slow.height > 0; round++) {
        unsigned up, own;

        req.base_layer = rng_below(&r, slow.height);
        up = slow.height - req.base_layer;
        own = 1 + rng_below(&r, up < 13 ? up : 13);
        req.length = 1u << own;
        req.index = rng_below(&r, 1u << (up - own)) << own;
        req.proof_layers = rng_below(&r, up);
        buf_reset(&out);
        buf_reset(&want);
        if (side_serve(&s, file, &req, &out) != 0) {
            /* Only requests that cost much work may be refused. */
            cr_assert_gt((uint64_t)req.length << req.base_layer, HASHTREE_SERVE_MAX);
            continue;
        }
        slow_answer(&slow, &req, &want);
        cr_assert_eq(buf_len(&out), buf_len(&want));
        cr_assert_eq(memcmp(buf_data(&out), buf_data(&want), buf_len(&out)), 0);
    }
    buf_fini(&out);
    buf_fini(&want);
    slow_fini(&slow);
    side_fini(&s);
}

Test(hashtree_serve, every_layer_is_served)
{
    struct torrent_file files[] = {{1, 1},         {16 * K + 1, 2},      {100 * K, 3},
                                   {5 * K * K, 4}, {19 * K * K + 77, 5}, {64 * K * K, 6}};

    for (size_t i = 0; i < 6; i++)
        for (unsigned log = 0; log < 8; log++)
            check_serving(16 * K << log, &files[i], i * 8 + log);
}

/* BEP 52 lets a request be cut off where the layer ends. */
Test(hashtree_serve, the_last_request_may_be_truncated)
{
    struct torrent_file file = {13 * 16 * K, 1};
    struct wire_hash_request req = {.index = 8, .length = 5, .proof_layers = 3};
    uint8_t root[32];
    struct side s;
    struct buf out;

    side_init(&s, 16 * K, &file, 1, 0);
    memcpy(req.root, s.mi->files[0].root, 32);
    buf_init(&out, 1 << 20);
    cr_assert_eq(side_serve(&s, &file, &req, &out), 0);
    cr_assert_eq(buf_len(&out), 32u * 6);
    cr_assert_eq(merkle_root(buf_data(&out), 5, 0, 3, root), 0);
    merkle_climb(root, 1, buf_data(&out) + 32 * 5, 1, root);
    cr_assert_arr_eq(root, req.root, 32);
    req.length = 4;
    cr_assert_eq(side_serve(&s, &file, &req, &out), 0);
    req.length = 3;
    cr_assert_eq(side_serve(&s, &file, &req, &out), SPRAT_E_INVAL);
    req.length = 6;
    cr_assert_eq(side_serve(&s, &file, &req, &out), SPRAT_E_INVAL);
    req.index = 4;
    req.length = 9; /* to the end, but not at a multiple of 16 */
    cr_assert_eq(side_serve(&s, &file, &req, &out), SPRAT_E_INVAL);
    buf_fini(&out);
    side_fini(&s);
}

static int
serve_one(struct side *s, const struct wire_hash_request *req, uint32_t *piece)
{
    struct buf out;
    int err;

    buf_init(&out, 1 << 20);
    err = hashtree_serve(s->tree, req, &s->have, &out, piece);
    if (err != 0)
        cr_assert_eq(buf_len(&out), 0u);
    buf_fini(&out);
    return err;
}

Test(hashtree_serve, senseless_requests_are_refused)
{
    struct torrent_file file = {40 * 64 * K, 1};
    struct wire_hash_request good = {.base_layer = 2, .length = 8, .proof_layers = 3}, req;
    uint32_t piece;
    struct side s;

    side_init(&s, 64 * K, &file, 1, 0);
    memcpy(good.root, s.mi->files[0].root, 32);
    cr_assert_eq(serve_one(&s, &good, &piece), 0);
#define REFUSED(change, err)                                                                       \
    do {                                                                                           \
        req = good;                                                                                \
        change;                                                                                    \
        cr_assert_eq(serve_one(&s, &req, &piece), err, #change);                                   \
    } while (0)
    REFUSED(req.root[5] ^= 1, SPRAT_E_NOTFOUND);
    REFUSED(memset(req.root, 0, 32), SPRAT_E_NOTFOUND);
    REFUSED(memset(req.root, 0xff, 32), SPRAT_E_NOTFOUND);
    REFUSED(req.length = 0, SPRAT_E_INVAL);
    REFUSED(req.length = 1, SPRAT_E_INVAL);
    REFUSED(req.length = 7, SPRAT_E_INVAL);
    REFUSED(req.length = UINT32_MAX, SPRAT_E_INVAL);
    REFUSED(req.length = 128, SPRAT_E_INVAL);
    REFUSED(req.length = 16384, SPRAT_E_INVAL);
    REFUSED(req.index = 4, SPRAT_E_INVAL);
    REFUSED(req.index = 64, SPRAT_E_INVAL);
    REFUSED(req.index = 0xfffffff8, SPRAT_E_INVAL);
    REFUSED(req.base_layer = 8, SPRAT_E_INVAL);
    REFUSED(req.base_layer = UINT32_MAX, SPRAT_E_INVAL);
    REFUSED(req.proof_layers = 6, SPRAT_E_INVAL);
    REFUSED(req.proof_layers = UINT32_MAX, SPRAT_E_INVAL);
#undef REFUSED
    side_fini(&s);
}

Test(hashtree_serve, leaves_are_served_only_of_pieces_that_we_have)
{
    struct torrent_file files[] = {{2 * 64 * K, 1}, {2 * 64 * K, 1}};
    struct wire_hash_request req = {.length = 4};
    uint32_t piece;
    struct side s;

    side_init(&s, 64 * K, files, 2, 0);
    memcpy(req.root, s.mi->files[0].root, 32);
    cr_assert_eq(serve_one(&s, &req, &piece), SPRAT_E_NOTFOUND);
    bitfield_set(&s.have, 1);
    cr_assert_eq(serve_one(&s, &req, &piece), SPRAT_E_NOTFOUND);
    /* The same bytes of the other file are enough. */
    bitfield_set(&s.have, 2);
    cr_assert_eq(serve_one(&s, &req, &piece), SPRAT_E_AGAIN);
    cr_assert_eq(piece, 2);
    cr_assert_eq(side_check(&s, files, 2), 0);
    cr_assert_eq(serve_one(&s, &req, &piece), 0);
    req.index = 4;
    cr_assert_eq(serve_one(&s, &req, &piece), SPRAT_E_AGAIN);
    cr_assert_eq(piece, 1);
    /* Both pieces in one request. */
    req.index = 0;
    req.length = 8;
    cr_assert_eq(serve_one(&s, &req, &piece), SPRAT_E_AGAIN);
    cr_assert_eq(side_check(&s, files, piece), 0);
    cr_assert_eq(serve_one(&s, &req, &piece), 0);
    side_fini(&s);
}

Test(hashtree_serve, no_layer_above_the_pieces_is_too_much_work)
{
    struct torrent_file file = {(uint64_t)40000 * 16 * K, 1};
    struct wire_hash_request req = {.length = 8192};
    uint32_t piece;
    struct side s;

    side_init(&s, 16 * K, &file, 1, 0);
    memcpy(req.root, s.mi->files[0].root, 32);
    cr_assert_eq(serve_one(&s, &req, &piece), 0);
    req.base_layer = 2;
    cr_assert_eq(serve_one(&s, &req, &piece), 0);
    req.base_layer = 3; /* crowns lie there */
    cr_assert_eq(serve_one(&s, &req, &piece), 0);
    req.base_layer = 8;
    req.length = 256;
    cr_assert_eq(serve_one(&s, &req, &piece), 0);
    req.base_layer = 9;
    req.length = 128;
    cr_assert_eq(serve_one(&s, &req, &piece), 0);
    side_fini(&s);
}

Test(hashtree_serve, a_part_of_a_layer_is_not_served)
{
    struct torrent_file file = {600 * 16 * K, 1};
    struct wire_hash_request first, req;
    struct side to, from;
    struct buf out;
    uint32_t piece;

    side_init(&from, 16 * K, &file, 1, 0);
    side_init(&to, 16 * K, &file, 1, TORRENT_NO_LAYERS);
    buf_init(&out, 1 << 20);
    cr_assert(hashtree_want_layer(to.tree, &first));
    cr_assert_eq(side_serve(&from, &file, &first, &out), 0);
    cr_assert_eq(hashtree_on_hashes(to.tree, &first, buf_data(&out), buf_len(&out) / 32, &piece),
                 0);
    cr_assert_eq(serve_one(&to, &first, &piece), SPRAT_E_NOTFOUND, "its uncle is not known");
    req = first;
    req.proof_layers = 0;
    cr_assert_eq(serve_one(&to, &req, &piece), 0, "the hashes themselves are");
    req.index = 512;
    cr_assert_eq(serve_one(&to, &req, &piece), SPRAT_E_NOTFOUND);
    cr_assert_null(hashtree_layer(to.tree, 0));
    buf_fini(&out);
    side_fini(&from);
    side_fini(&to);
}
