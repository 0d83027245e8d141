/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hash tree: its requests, how it accepts the answers of a second tree, and that forged answers
 * change nothing. test_hashtree_serve.c tests serving.
 */
#include "peer/core/hashtree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rng.h"
#include "common/codec/merkle.h"
#include "common/crypto/sha.h"
#include "tests/unit/core/side.h"

enum { K = 1024 };

static int
answer(struct side *s, const struct wire_hash_request *req, const struct buf *hashes,
       uint32_t *piece)
{
    cr_assert_eq(buf_len(hashes) % 32, 0u);
    return hashtree_on_hashes(s->tree, req, buf_data(hashes), buf_len(hashes) / 32, piece);
}

/* BEP 52's rules for what is asked. */
static void
assert_legal(const struct wire_hash_request *req)
{
    cr_assert_geq(req->length, 2);
    cr_assert_leq(req->length, HASHTREE_ASK_MAX);
    cr_assert_eq(req->length & (req->length - 1), 0);
    cr_assert_eq(req->index % req->length, 0);
}

/* Asks |from| for all that |to| misses; returns the requests made. */
static uint32_t
fetch_layers(struct side *to, struct side *from, const struct torrent_file *files)
{
    struct wire_hash_request req;
    uint32_t asked = 0, piece = 0;
    struct buf out;

    buf_init(&out, 1 << 20);
    while (hashtree_want_layer(to->tree, &req)) {
        assert_legal(&req);
        buf_reset(&out);
        cr_assert_eq(side_serve(from, files, &req, &out), 0);
        cr_assert_eq(answer(to, &req, &out, &piece), 0);
        cr_assert_eq(piece, UINT32_MAX);
        asked++;
    }
    buf_fini(&out);
    return asked;
}

/* --- asking --- */

Test(hashtree, with_all_layers_there_is_nothing_to_ask)
{
    struct torrent_file files[] = {{100 * K, 1}, {0, 0}, {5, 2}, {33 * K, 3}};
    struct wire_hash_request req;
    struct side s;

    side_init(&s, 32 * K, files, 4, 0);
    cr_assert(hashtree_complete(s.tree));
    cr_assert_not(hashtree_want_layer(s.tree, &req));
    for (uint32_t p = 0; p < s.mi->piece_count; p++)
        cr_assert(hashtree_piece_known(s.tree, p));
    for (size_t f = 0; f < 4; f++)
        cr_assert_null(hashtree_layer(s.tree, f), "nothing was fetched");
    side_fini(&s);
}

/* The numbers in the requests for a layer of |pieces| pieces of two blocks. */
static void
check_wants(uint64_t pieces, uint32_t count, uint32_t last_length, uint32_t proof)
{
    struct torrent_file file = {pieces * 32 * K - 5, 1};
    struct wire_hash_request req = {0};
    struct side s;
    uint32_t n = 0;

    side_init(&s, 32 * K, &file, 1, TORRENT_NO_LAYERS);
    cr_assert_not(hashtree_complete(s.tree));
    cr_assert_not(hashtree_piece_known(s.tree, 0));
    while (hashtree_want_layer(s.tree, &req)) {
        assert_legal(&req);
        cr_assert_eq(req.base_layer, 1);
        cr_assert_eq(req.index, n * 512);
        cr_assert_eq(req.proof_layers, proof);
        cr_assert_eq(memcmp(req.root, s.mi->files[0].root, 32), 0);
        n++;
    }
    cr_assert_eq(n, count);
    cr_assert_eq(req.length, last_length);
    side_fini(&s);
}

Test(hashtree, requests_for_a_layer)
{
    check_wants(2, 1, 2, 0);
    check_wants(3, 1, 4, 1);
    check_wants(5, 1, 8, 2);
    check_wants(512, 1, 512, 8);
    check_wants(513, 2, 2, 9);
    check_wants(514, 2, 2, 9);
    check_wants(515, 2, 4, 9);
    check_wants(1024, 2, 512, 9);
    check_wants(1025, 3, 2, 10);
    check_wants(2000, 4, 512, 10);
}

Test(hashtree, what_is_forgotten_is_asked_for_again)
{
    struct torrent_file files[] = {{700 * 16 * K, 1}, {16 * K, 2}, {3 * 16 * K, 3}};
    struct wire_hash_request req[3], again;
    struct side s;

    side_init(&s, 16 * K, files, 3, TORRENT_NO_LAYERS);
    for (size_t i = 0; i < 3; i++)
        cr_assert(hashtree_want_layer(s.tree, &req[i]));
    cr_assert_not(hashtree_want_layer(s.tree, &again));
    for (size_t i = 0; i < 3; i++) {
        hashtree_forget(s.tree, &req[i]);
        cr_assert(hashtree_want_layer(s.tree, &again));
        cr_assert_eq(memcmp(&again, &req[i], sizeof(again)), 0);
        cr_assert_not(hashtree_want_layer(s.tree, &again));
    }
    /* A request that was never made has no effect. */
    again.index = UINT32_MAX;
    hashtree_forget(s.tree, &again);
    again.root[0] ^= 1;
    hashtree_forget(s.tree, &again);
    cr_assert_not(hashtree_want_layer(s.tree, &again));
    side_fini(&s);
}

/* --- fetching --- */

static void
assert_same_knowledge(struct side *to, struct side *from, const struct torrent_file *files)
{
    cr_assert(hashtree_complete(to->tree));
    for (uint32_t p = 0; p < to->mi->piece_count; p++) {
        size_t file;
        uint32_t index;

        cr_assert(hashtree_piece_known(to->tree, p));
        if (!geometry_v2_file(&to->g, p, &file, &index))
            continue;
        cr_assert_eq(side_check(to, files, p), 0);
        if (from->mi->files[file].layer != NULL)
            cr_assert_eq(memcmp(hashtree_layer(to->tree, file), from->mi->files[file].layer,
                                32 * (size_t)from->mi->files[file].piece_count),
                         0);
        else
            cr_assert_null(hashtree_layer(to->tree, file));
    }
}

static void
check_fetch(uint32_t piece_length, const struct torrent_file *files, size_t count, unsigned flags,
            uint32_t requests)
{
    struct side to, from;
    uint32_t asked;

    side_init(&from, piece_length, files, count, flags);
    side_init(&to, piece_length, files, count, flags | TORRENT_NO_LAYERS);
    asked = fetch_layers(&to, &from, files);
    if (requests > 0)
        cr_assert_eq(asked, requests);
    assert_same_knowledge(&to, &from, files);
    /* A tree that fetched a layer can serve it. */
    side_fini(&from);
    side_init(&from, piece_length, files, count, flags | TORRENT_NO_LAYERS);
    cr_assert_eq(fetch_layers(&from, &to, files), asked);
    cr_assert(hashtree_complete(from.tree));
    side_fini(&from);
    side_fini(&to);
}

Test(hashtree, layers_are_fetched)
{
    struct torrent_file files[] = {
        {1025 * 16 * K - 1, 1}, {16 * K, 2}, {5 * 16 * K, 3}, {0, 0}, {1, 4}};

    check_fetch(16 * K, files, 5, 0, 4);
    check_fetch(32 * K, files, 5, 0, 3);
    check_fetch(64 * K, files, 5, TORRENT_HYBRID, 2);
}

Test(hashtree, files_of_one_content_share_a_layer)
{
    struct torrent_file files[] = {{70 * K, 1}, {40 * K, 2}, {70 * K, 1},
                                   {40 * K, 2}, {16 * K, 3}, {16 * K, 3}};

    check_fetch(16 * K, files, 6, 0, 2);
    check_fetch(16 * K, files, 6, TORRENT_HYBRID, 2);
}

Test(hashtree, random_torrents_are_fetched)
{
    struct rng r;

    rng_init(&r, 2);
    for (unsigned round = 0; round < 150; round++) {
        uint32_t piece_length = 16 * K << rng_below(&r, 5);
        struct torrent_file files[6];
        size_t count = 1 + rng_below(&r, 6);

        for (size_t i = 0; i < count; i++) {
            uint32_t pieces = rng_below(&r, rng_below(&r, 8) == 0 ? 1400 : 12);

            files[i] = (struct torrent_file){(uint64_t)pieces * piece_length, rng_below(&r, 4)};
            if (rng_below(&r, 2) == 0)
                files[i].length += rng_below(&r, piece_length);
            /* The made-up leaves don't show a block's length: that two files of unequal length
             * have one root must not happen here either. */
            files[i].content += files[i].length * 4;
        }
        files[0] = (struct torrent_file){files[0].length + 1, 3};
        check_fetch(piece_length, files, count, rng_below(&r, 2) * TORRENT_HYBRID, 0);
    }
}

/* --- forgeries --- */

/* Checks that |req| has no answer yet: it is still under way, and none of its hashes is known. */
static void
assert_untouched(struct side *to, const struct wire_hash_request *req)
{
    struct wire_hash_request again;

    for (uint32_t p = 0; p < to->mi->piece_count; p++)
        cr_assert_not(hashtree_piece_known(to->tree, p));
    cr_assert_not(hashtree_complete(to->tree));
    cr_assert_null(hashtree_layer(to->tree, 0));
    hashtree_forget(to->tree, req);
    cr_assert(hashtree_want_layer(to->tree, &again));
    cr_assert_eq(memcmp(&again, req, sizeof(again)), 0);
}

static void
check_forgeries(uint64_t pieces, uint32_t piece_length)
{
    struct torrent_file file = {pieces * piece_length - 3, 9};
    struct wire_hash_request req;
    struct side to, from;
    uint32_t piece, real;
    struct buf out;

    side_init(&from, piece_length, &file, 1, 0);
    side_init(&to, piece_length, &file, 1, TORRENT_NO_LAYERS);
    buf_init(&out, 1 << 20);
    cr_assert(hashtree_want_layer(to.tree, &req));
    cr_assert_eq(side_serve(&from, &file, &req, &out), 0);
    real = pieces < req.length ? (uint32_t)pieces : req.length;
    for (size_t i = 0; i < buf_len(&out) / 32; i++) {
        /* The tree computes pads itself, so the pads in an answer do not matter. */
        if (i >= real && i < req.length)
            continue;
        buf_data(&out)[i * 32 + i % 32] ^= 0x10;
        cr_assert_eq(answer(&to, &req, &out, &piece), SPRAT_E_HASH, "hash %zu", i);
        assert_untouched(&to, &req);
        buf_data(&out)[i * 32 + i % 32] ^= 0x10;
    }
    cr_assert_eq(answer(&to, &req, &out, &piece), 0);
    cr_assert(hashtree_piece_known(to.tree, 0));
    buf_fini(&out);
    side_fini(&from);
    side_fini(&to);
}

Test(hashtree, one_wrong_hash_and_nothing_is_kept)
{
    check_forgeries(2, 16 * K);
    check_forgeries(3, 32 * K);
    check_forgeries(100, 64 * K);
    check_forgeries(512, 16 * K);
    check_forgeries(600, 16 * K);
    check_forgeries(2049, 32 * K);
}

Test(hashtree, pads_of_the_sender_do_not_matter)
{
    struct torrent_file file = {5 * 32 * K, 9};
    struct wire_hash_request req;
    struct side to, from;
    uint32_t piece;
    struct buf out;

    side_init(&from, 32 * K, &file, 1, 0);
    side_init(&to, 32 * K, &file, 1, TORRENT_NO_LAYERS);
    buf_init(&out, 1 << 20);
    cr_assert(hashtree_want_layer(to.tree, &req));
    cr_assert_eq(side_serve(&from, &file, &req, &out), 0);
    cr_assert_eq(buf_len(&out), 8u * 32);
    memset(buf_data(&out) + 5 * 32, 0, 3 * 32);
    cr_assert_eq(answer(&to, &req, &out, &piece), 0);
    assert_same_knowledge(&to, &from, &file);
    buf_fini(&out);
    side_fini(&from);
    side_fini(&to);
}

Test(hashtree, answers_of_wrong_shape)
{
    struct torrent_file file = {600 * 16 * K, 9};
    struct wire_hash_request req, bad;
    struct side to, from;
    uint32_t piece;
    struct buf out;
    size_t n;

    side_init(&from, 16 * K, &file, 1, 0);
    side_init(&to, 16 * K, &file, 1, TORRENT_NO_LAYERS);
    buf_init(&out, 1 << 20);
    cr_assert(hashtree_want_layer(to.tree, &req));
    cr_assert_eq(side_serve(&from, &file, &req, &out), 0);
    n = buf_len(&out) / 32;
    cr_assert_eq(n, 513u);
    cr_assert_eq(hashtree_on_hashes(to.tree, &req, buf_data(&out), n - 1, &piece),
                 SPRAT_E_PROTOCOL);
    cr_assert_eq(hashtree_on_hashes(to.tree, &req, buf_data(&out), 0, &piece), SPRAT_E_PROTOCOL);
    cr_assert_eq(hashtree_on_hashes(to.tree, &req, NULL, 0, &piece), SPRAT_E_PROTOCOL);
    bad = req;
    bad.proof_layers = 8; /* proven up to a node that we don't know */
    cr_assert_eq(hashtree_on_hashes(to.tree, &bad, buf_data(&out), 512, &piece), SPRAT_E_PROTOCOL);
    bad = req;
    bad.root[31] ^= 1;
    cr_assert_eq(hashtree_on_hashes(to.tree, &bad, buf_data(&out), n, &piece), SPRAT_E_PROTOCOL);
    bad = req;
    bad.base_layer = 3;
    cr_assert_eq(hashtree_on_hashes(to.tree, &bad, buf_data(&out), n, &piece), SPRAT_E_PROTOCOL);
    bad = req;
    bad.index = 1;
    cr_assert_eq(hashtree_on_hashes(to.tree, &bad, buf_data(&out), n, &piece), SPRAT_E_PROTOCOL);
    bad.index = 1024;
    cr_assert_eq(hashtree_on_hashes(to.tree, &bad, buf_data(&out), n, &piece), SPRAT_E_PROTOCOL);
    bad.index = 512; /* the right hashes for another index */
    cr_assert_eq(hashtree_on_hashes(to.tree, &bad, buf_data(&out), n, &piece), SPRAT_E_HASH);
    assert_untouched(&to, &req);
    buf_fini(&out);
    side_fini(&from);
    side_fini(&to);
}

/* --- leaves --- */

/* Fetches the leaves of |piece|, forging each hash of each answer first. Returns the requests. */
static uint32_t
fetch_leaves(struct side *to, struct side *from, const struct torrent_file *files, uint32_t piece)
{
    struct wire_hash_request req;
    uint32_t n = 0, got;
    struct buf out;

    buf_init(&out, 1 << 20);
    while (hashtree_want_leaves(to->tree, piece, &req)) {
        uint8_t leaf[32];
        uint32_t first = req.index % to->g.blocks_per_piece;
        uint32_t blocks = geometry_blocks(&to->g, piece);

        assert_legal(&req);
        cr_assert_eq(req.base_layer, 0);
        buf_reset(&out);
        cr_assert_eq(side_serve(from, files, &req, &out), 0);
        for (size_t i = 0; i < buf_len(&out) / 32; i++) {
            if (i < req.length && first + i >= blocks)
                continue;
            buf_data(&out)[i * 32] ^= 1;
            cr_assert_eq(answer(to, &req, &out, &got), SPRAT_E_HASH);
            cr_assert_eq(got, UINT32_MAX);
            buf_data(&out)[i * 32] ^= 1;
            cr_assert_not(hashtree_leaf(to->tree, piece, first, leaf));
        }
        cr_assert_eq(answer(to, &req, &out, &got), 0);
        cr_assert_neq(got, UINT32_MAX);
        cr_assert(hashtree_leaf(to->tree, piece, first, leaf));
        n++;
    }
    buf_fini(&out);
    return n;
}

static void
assert_leaves(struct side *s, const struct torrent_file *files, uint32_t piece)
{
    uint8_t *want, got[32];
    uint32_t n = side_leaves(s, files, piece, &want);

    for (uint32_t b = 0; b < n; b++) {
        cr_assert(hashtree_leaf(s->tree, piece, b, got));
        cr_assert_arr_eq(got, want + (size_t)b * 32, 32);
    }
    cr_assert_not(hashtree_leaf(s->tree, piece, n, got));
    free(want);
}

Test(hashtree, leaves_are_fetched)
{
    /* Whole pieces, a short last one, files of less than a piece, the same content twice. */
    struct torrent_file files[] = {
        {5 * 256 * K + 40 * K, 1}, {100 * K, 2}, {16 * K, 3}, {100 * K, 2}};
    struct side to, from;

    side_init(&from, 256 * K, files, 4, 0);
    side_init(&to, 256 * K, files, 4, 0);
    bitfield_set_all(&from.have);
    cr_assert_eq(fetch_leaves(&to, &from, files, 2), 1);
    assert_leaves(&to, files, 2);
    cr_assert_eq(fetch_leaves(&to, &from, files, 5), 1);
    assert_leaves(&to, files, 5);
    cr_assert_eq(fetch_leaves(&to, &from, files, 6), 1);
    assert_leaves(&to, files, 6);
    cr_assert_eq(fetch_leaves(&to, &from, files, 7), 0, "the root is the leaf");
    assert_leaves(&to, files, 7);
    cr_assert_eq(fetch_leaves(&to, &from, files, 8), 0, "known from its twin");
    assert_leaves(&to, files, 8);
    side_fini(&from);
    side_fini(&to);
}

Test(hashtree, leaves_of_large_pieces_come_in_stretches)
{
    struct torrent_file files[] = {{32 * K * K + 20 * K * K, 1}};
    struct side to, from;

    side_init(&from, 32 * K * K, files, 1, 0);
    side_init(&to, 32 * K * K, files, 1, 0);
    bitfield_set_all(&from.have);
    cr_assert_eq(fetch_leaves(&to, &from, files, 0), 4);
    assert_leaves(&to, files, 0);
    cr_assert_eq(fetch_leaves(&to, &from, files, 1), 3);
    assert_leaves(&to, files, 1);
    side_fini(&from);
    side_fini(&to);
}

/* Without the piece's own hash the proof goes to the root, and the hash is learnt on the way. */
Test(hashtree, leaves_prove_their_piece)
{
    struct torrent_file files[] = {{5 * 64 * K + 20 * K, 1}};
    struct wire_hash_request req;
    struct side to, from;

    side_init(&from, 64 * K, files, 1, 0);
    side_init(&to, 64 * K, files, 1, TORRENT_NO_LAYERS);
    bitfield_set_all(&from.have);
    cr_assert_eq(side_check(&to, files, 3), SPRAT_E_AGAIN);
    for (uint32_t p = 0; p < 6; p++) {
        cr_assert_not(hashtree_piece_known(to.tree, p));
        cr_assert_eq(fetch_leaves(&to, &from, files, p), 1);
        cr_assert(hashtree_piece_known(to.tree, p));
    }
    cr_assert(hashtree_complete(to.tree));
    cr_assert_not(hashtree_want_layer(to.tree, &req));
    assert_same_knowledge(&to, &from, files);
    side_fini(&from);
    side_fini(&to);
}

Test(hashtree, own_leaves_are_judged)
{
    struct torrent_file files[] = {{3 * 64 * K + 20 * K, 1}, {40 * K, 2}, {10, 3}};
    struct side s;

    side_init(&s, 64 * K, files, 3, TORRENT_HYBRID);
    for (uint32_t p = 0; p < s.mi->piece_count; p++) {
        uint8_t *leaves, got[32];
        uint32_t n = side_leaves(&s, files, p, &leaves);

        for (uint32_t b = 0; b < n; b++) {
            leaves[b * 32 + 31] ^= 0x80;
            cr_assert_eq(hashtree_check(s.tree, p, leaves, n), SPRAT_E_HASH);
            if (n > 1)
                cr_assert_not(hashtree_leaf(s.tree, p, b, got));
            leaves[b * 32 + 31] ^= 0x80;
        }
        cr_assert_eq(hashtree_check(s.tree, p, leaves, n), 0);
        assert_leaves(&s, files, p);
        free(leaves);
    }
    side_fini(&s);
}

Test(hashtree, the_cache_is_bounded)
{
    struct torrent_file files[] = {{(uint64_t)(HASHTREE_CACHED_LEAVES_MAX + 64) * 16 * K, 1}};
    uint8_t leaf[32];
    struct side s;

    side_init(&s, 512 * K, files, 1, 0);
    for (uint32_t p = 0; p < s.mi->piece_count; p++) {
        cr_assert_eq(side_check(&s, files, p), 0);
        cr_assert(hashtree_leaf(s.tree, p, 0, leaf));
        cr_assert_eq(hashtree_leaf(s.tree, 0, 0, leaf), p < HASHTREE_CACHED_LEAVES_MAX / 32);
    }
    cr_assert_not(hashtree_leaf(s.tree, 1, 0, leaf));
    cr_assert(hashtree_leaf(s.tree, 2, 0, leaf));
    side_fini(&s);
}

/* --- stored layers --- */

Test(hashtree, stored_layers_come_back)
{
    struct torrent_file files[] = {{70 * K, 1}, {10, 2}, {70 * K, 1}, {50 * K, 3}};
    uint8_t *layer;
    struct side with, without;
    size_t len = 5 * 32;

    side_init(&with, 16 * K, files, 4, 0);
    side_init(&without, 16 * K, files, 4, TORRENT_NO_LAYERS);
    layer = malloc(len);
    cr_assert_not_null(layer);
    memcpy(layer, with.mi->files[0].layer, len);
    layer[100] ^= 1;
    cr_assert_eq(hashtree_put_layer(without.tree, 0, layer, len), SPRAT_E_HASH);
    cr_assert_not(hashtree_piece_known(without.tree, 0));
    layer[100] ^= 1;
    cr_assert_eq(hashtree_put_layer(without.tree, 0, layer, len - 32), SPRAT_E_HASH);
    cr_assert_eq(hashtree_put_layer(without.tree, 0, layer, 0), SPRAT_E_HASH);
    cr_assert_eq(hashtree_put_layer(without.tree, 1, layer, len), SPRAT_E_INVAL);
    cr_assert_eq(hashtree_put_layer(without.tree, 3, layer, len), SPRAT_E_HASH);
    cr_assert_eq(hashtree_put_layer(without.tree, 2, layer, len), 0);
    cr_assert_eq(hashtree_put_layer(without.tree, 0, layer, len), 0, "it is known already");
    cr_assert_eq(memcmp(hashtree_layer(without.tree, 0), layer, len), 0);
    cr_assert_not(hashtree_complete(without.tree));
    cr_assert_eq(fetch_layers(&without, &with, files), 1);
    assert_same_knowledge(&without, &with, files);
    free(layer);
    side_fini(&with);
    side_fini(&without);
}

Test(hashtree, free_of_nothing)
{
    hashtree_free(NULL);
}
