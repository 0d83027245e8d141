/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which messages of a list are hashed side by side, and by which engine: the policy behind
 * sha256_many(). For the inside of common/crypto.
 */
#ifndef COMMON_CRYPTO_SHAMANY_H
#define COMMON_CRYPTO_SHAMANY_H

#include <stddef.h>
#include <stdint.h>

/* Hashes the first so many of |n| messages as are well hashed together (arguments as those of
 * sha256_many()) and returns their number. 0: the first message is best hashed alone. */
size_t shamany_take(const void *const data[], const size_t len[], size_t n, uint8_t *out);

#endif
