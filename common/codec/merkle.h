/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Merkle trees of BEP 52: computes layers, roots and proofs. Layer 0 is the leaves (SHA-256 of 16
 * KiB blocks; the last block may be short). Missing leaves are 32 zero bytes (not hashes of zeros),
 * and a missing node of layer n is the root of 2^n such leaves: merkle_pad(n).
 */
#ifndef COMMON_CODEC_MERKLE_H
#define COMMON_CODEC_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MERKLE_LAYERS_MAX = 48 };

/* ceil(log2(n)); 0 for n ≤ 1. */
unsigned merkle_log2(uint64_t n);

/* The number of blocks of a file of |length| bytes (1 for 1 to 16384). */
uint64_t merkle_blocks(uint64_t length);

/* The hash of a missing node on |layer| (layer 0: zeros). */
void merkle_pad(unsigned layer, uint8_t out[32]);

/* The root over |n| hashes (32 bytes each) on |layer|, padded to 2^|height| nodes with
 * merkle_pad(layer). Needs no heap. SPRAT_E_INVAL unless 0 < n ≤ 2^height and the tree has at most
 * MERKLE_LAYERS_MAX layers above the leaves. */
int merkle_root(const uint8_t *hashes, size_t n, unsigned layer, unsigned height, uint8_t out[32]);

/* Climbs from |node| at |index| of its layer through |nproof| uncle hashes (lowest first, 32 bytes
 * each) and writes the hash that it reaches. */
void merkle_climb(const uint8_t node[32], uint64_t index, const uint8_t *proof, size_t nproof,
                  uint8_t out[32]);

#endif
