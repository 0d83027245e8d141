/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-256 of many messages, and of the inner nodes of Merkle trees. Messages are hashed together by
 * libipsec-mb's multi-buffer code (sha256mb.h), where the build has it and the processor benefits,
 * else one after another by OpenSSL.
 */
#ifndef COMMON_CRYPTO_SHAMANY_H
#define COMMON_CRYPTO_SHAMANY_H

#include "common/crypto/sha.h"

/* SHA-256 of the 64 bytes left || right: one inner node of a Merkle tree. */
void sha256_pair(const uint8_t left[SHA256_LEN], const uint8_t right[SHA256_LEN],
                 uint8_t out[SHA256_LEN]);

/* SHA-256 of |n| independent messages; message i is |len[i]| bytes at |data[i]|, its digest goes to
 * out + 32 * i. |out| overlaps no message. Best with 16 or more of nearly the same length, below 64
 * KiB each. The first call of a thread allocates some 0.5 MiB for it, which is freed when the
 * thread ends. */
void sha256_many(const void *const data[], const size_t len[], size_t n, uint8_t *out);

#endif
