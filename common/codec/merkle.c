/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Merkle trees of BEP 52. A root is computed from left to right with one pending node per layer, so
 * that a tree of any size needs a few kilobytes of stack; complete small subtrees are hashed layer
 * by layer, many nodes at once. Independent of files and wire messages.
 */
#include "common/codec/merkle.h"

#include <string.h>

#include "common/base/err.h"
#include "common/crypto/shamany.h"

enum {
    LEAF_LEN = 16384,
    BATCH_LOG = 7, /* subtrees of 2^7 nodes are hashed together: 4 KiB of input */
};

static unsigned
floor_log2(uint64_t n)
{
    return 63 - (unsigned)__builtin_clzll(n);
}

unsigned
merkle_log2(uint64_t n)
{
    return n <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(n - 1);
}

uint64_t
merkle_blocks(uint64_t length)
{
    return length / LEAF_LEN + (length % LEAF_LEN != 0);
}

void
merkle_pad(unsigned layer, uint8_t out[32])
{
    memset(out, 0, 32);
    for (unsigned i = 0; i < layer; i++)
        sha256_pair(out, out, out);
}

/* Computes the root of 2^|log| nodes, at most 2^BATCH_LOG, layer by layer. */
static void
subtree_root(const uint8_t *nodes, unsigned log, uint8_t out[32])
{
    uint8_t layers[2][32 << (BATCH_LOG - 1)];

    for (unsigned i = 0; i < log; i++) {
        const void *data[1 << (BATCH_LOG - 1)];
        size_t len[1 << (BATCH_LOG - 1)], n = (size_t)1 << (log - 1 - i);

        for (size_t k = 0; k < n; k++) {
            data[k] = nodes + 64 * k;
            len[k] = 64;
        }
        sha256_many(data, len, n, layers[i % 2]);
        nodes = layers[i % 2];
    }
    memcpy(out, nodes, 32);
}

/* Joins the pending subtrees of |n| nodes, from the lowest layer up, with pads on their right. */
static void
fold(uint8_t pending[][32], size_t n, unsigned layer, unsigned height, uint8_t out[32])
{
    uint8_t pad[32];
    bool open = false;

    if (n == (size_t)1 << height) {
        memcpy(out, pending[height], 32);
        return;
    }
    merkle_pad(layer, pad);
    for (unsigned i = 0; i < height; i++) {
        bool whole = (n >> i & 1) != 0;

        if (whole)
            sha256_pair(pending[i], open ? out : pad, out);
        else if (open)
            sha256_pair(out, pad, out);
        open = open || whole;
        sha256_pair(pad, pad, pad);
    }
}

int
merkle_root(const uint8_t *hashes, size_t n, unsigned layer, unsigned height, uint8_t out[32])
{
    /* pending[i]: the root of the last complete subtree of 2^i nodes, which waits for its sibling.
     */
    uint8_t pending[MERKLE_LAYERS_MAX + 1][32];

    if (n == 0 || layer > MERKLE_LAYERS_MAX || height > MERKLE_LAYERS_MAX - layer ||
        merkle_log2(n) > height)
        return SPRAT_E_INVAL;
    for (size_t i = 0; i < n;) {
        uint8_t node[32];
        unsigned log = floor_log2(n - i), level;

        /* The largest size to which |i| is aligned: the sizes only shrink, from the largest. */
        log = log < BATCH_LOG ? log : BATCH_LOG;
        subtree_root(hashes + i * 32, log, node);
        level = log;
        for (size_t k = i >> log; (k & 1) != 0; k >>= 1)
            sha256_pair(pending[level++], node, node);
        memcpy(pending[level], node, 32);
        i += (size_t)1 << log;
    }
    fold(pending, n, layer, height, out);
    return 0;
}

void
merkle_climb(const uint8_t node[32], uint64_t index, const uint8_t *proof, size_t nproof,
             uint8_t out[32])
{
    memmove(out, node, 32);
    for (size_t i = 0; i < nproof; i++, index >>= 1) {
        if ((index & 1) != 0)
            sha256_pair(proof + i * 32, out, out);
        else
            sha256_pair(out, proof + i * 32, out);
    }
}
