/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Merkle trees of BEP 52: pads, roots against trees built the slow way, and proofs.
 */
#include "common/codec/merkle.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"
#include "common/crypto/sha.h"
#include "common/crypto/shamany.h"

enum { LEAVES = 40, NODES_MAX = 1024 };

static void
make_leaves(uint8_t leaves[LEAVES][32])
{
    for (size_t i = 0; i < LEAVES; i++)
        sha256(&i, sizeof(i), leaves[i]);
}

/* The root by its definition: a full array of 2^height nodes, halved until one is left. */
static void
slow_root(const uint8_t *hashes, size_t n, unsigned layer, unsigned height, uint8_t out[32])
{
    static uint8_t nodes[NODES_MAX][32];

    for (size_t i = 0; i < (size_t)1 << height; i++) {
        if (i < n)
            memcpy(nodes[i], hashes + 32 * i, 32);
        else
            merkle_pad(layer, nodes[i]);
    }
    for (size_t width = (size_t)1 << height; width > 1; width /= 2)
        for (size_t i = 0; i < width / 2; i++) {
            uint8_t parent[32];
            sha256(nodes[2 * i], 64, parent); /* not by the code that hashes many */
            memcpy(nodes[i], parent, 32);
        }
    memcpy(out, nodes[0], 32);
}

Test(merkle, log2_rounds_up)
{
    cr_assert_eq(merkle_log2(0), 0);
    cr_assert_eq(merkle_log2(1), 0);
    cr_assert_eq(merkle_log2(2), 1);
    cr_assert_eq(merkle_log2(3), 2);
    cr_assert_eq(merkle_log2(4), 2);
    cr_assert_eq(merkle_log2(5), 3);
    cr_assert_eq(merkle_log2((uint64_t)1 << 40), 40);
    cr_assert_eq(merkle_log2(((uint64_t)1 << 40) + 1), 41);
    cr_assert_eq(merkle_log2(UINT64_MAX), 64);
}

Test(merkle, blocks_of_a_length)
{
    cr_assert_eq(merkle_blocks(0), 0);
    cr_assert_eq(merkle_blocks(1), 1);
    cr_assert_eq(merkle_blocks(16384), 1);
    cr_assert_eq(merkle_blocks(16385), 2);
    cr_assert_eq(merkle_blocks(UINT64_MAX), ((uint64_t)1 << 50));
}

Test(merkle, pads_are_trees_of_zero_leaves)
{
    static const uint8_t zeros[8 * 32];
    uint8_t pad[32], root[32];

    merkle_pad(0, pad);
    cr_assert_arr_eq(pad, zeros, 32);
    merkle_pad(1, pad);
    sha256(zeros, 64, root);
    cr_assert_arr_eq(pad, root, 32);
    merkle_pad(3, pad);
    cr_assert_eq(merkle_root(zeros, 8, 0, 3, root), 0);
    cr_assert_arr_eq(pad, root, 32);
}

Test(merkle, one_hash_is_its_own_root)
{
    uint8_t leaf[32] = {7}, root[32];

    cr_assert_eq(merkle_root(leaf, 1, 0, 0, root), 0);
    cr_assert_arr_eq(root, leaf, 32);
}

Test(merkle, root_of_every_small_tree)
{
    uint8_t leaves[LEAVES][32], root[32], expected[32];

    make_leaves(leaves);
    for (unsigned layer = 0; layer < 3; layer++) {
        for (size_t n = 1; n <= LEAVES; n++) {
            for (unsigned height = merkle_log2(n); height <= 6; height++) {
                slow_root(leaves[0], n, layer, height, expected);
                cr_assert_eq(merkle_root(leaves[0], n, layer, height, root), 0);
                cr_assert_arr_eq(root, expected, 32, "n %zu layer %u height %u", n, layer, height);
            }
        }
    }
}

Test(merkle, root_of_trees_that_are_hashed_in_several_batches)
{
    static const size_t counts[] = {63,  64,  65,  127, 128, 129, 191,
                                    255, 256, 257, 383, 385, 512, 600};
    static uint8_t leaves[600][32];
    uint8_t root[32], expected[32];

    for (size_t i = 0; i < 600; i++)
        sha256(&i, sizeof(i), leaves[i]);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t n = counts[i];
        for (unsigned height = merkle_log2(n); height <= 10; height++) {
            slow_root(leaves[0], n, 1, height, expected);
            cr_assert_eq(merkle_root(leaves[0], n, 1, height, root), 0);
            cr_assert_arr_eq(root, expected, 32, "n %zu height %u", n, height);
        }
    }
}

Test(merkle, layers_of_one_tree_have_one_root)
{
    uint8_t leaves[LEAVES][32], layer2[LEAVES / 4][32], root[32], from_layer2[32];

    make_leaves(leaves);
    for (size_t i = 0; i < LEAVES / 4; i++)
        cr_assert_eq(merkle_root(leaves[4 * i], 4, 0, 2, layer2[i]), 0);
    cr_assert_eq(merkle_root(leaves[0], LEAVES, 0, 6, root), 0);
    cr_assert_eq(merkle_root(layer2[0], LEAVES / 4, 2, 4, from_layer2), 0);
    cr_assert_arr_eq(root, from_layer2, 32);
}

Test(merkle, sizes_that_make_no_tree_are_refused)
{
    uint8_t leaves[3 * 32] = {0}, root[32];

    cr_assert_eq(merkle_root(leaves, 0, 0, 0, root), SPRAT_E_INVAL);
    cr_assert_eq(merkle_root(leaves, 3, 0, 1, root), SPRAT_E_INVAL);
    cr_assert_eq(merkle_root(leaves, 1, 0, MERKLE_LAYERS_MAX + 1, root), SPRAT_E_INVAL);
    cr_assert_eq(merkle_root(leaves, 1, 2, MERKLE_LAYERS_MAX - 1, root), SPRAT_E_INVAL);
    cr_assert_eq(merkle_root(leaves, 1, MERKLE_LAYERS_MAX + 1, 0, root), SPRAT_E_INVAL);
}

Test(merkle, every_leaf_climbs_to_the_root)
{
    uint8_t nodes[4][8][32], root[32], proof[3][32];

    for (size_t i = 0; i < 8; i++)
        sha256(&i, sizeof(i), nodes[0][i]);
    for (size_t layer = 1; layer < 4; layer++)
        for (size_t i = 0; i < (size_t)8 >> layer; i++)
            sha256_pair(nodes[layer - 1][2 * i], nodes[layer - 1][2 * i + 1], nodes[layer][i]);
    for (size_t leaf = 0; leaf < 8; leaf++) {
        for (size_t layer = 0; layer < 3; layer++)
            memcpy(proof[layer], nodes[layer][(leaf >> layer) ^ 1], 32);
        merkle_climb(nodes[0][leaf], leaf, proof[0], 3, root);
        cr_assert_arr_eq(root, nodes[3][0], 32, "leaf %zu", leaf);
        merkle_climb(nodes[0][leaf], leaf ^ 1, proof[0], 3, root);
        cr_assert(memcmp(root, nodes[3][0], 32) != 0, "leaf %zu at a wrong index", leaf);
    }
}

Test(merkle, climb_without_proof_stays)
{
    uint8_t node[32] = {9}, root[32];

    merkle_climb(node, 5, NULL, 0, root);
    cr_assert_arr_eq(root, node, 32);
}
