/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decides which messages of a list are hashed together, and by which engine (sha256mb.h): the
 * policy behind sha256_many(). Internal to common/crypto.
 */
#ifndef COMMON_CRYPTO_SHAMANY_H
#define COMMON_CRYPTO_SHAMANY_H

#include <stddef.h>
#include <stdint.h>

/* Hashes as many of the first |n| messages as are efficiently hashed together (arguments as those
 * of sha256_many()) and returns their number. 0: the first message is better hashed alone. */
size_t shamany_hash(const void *const data[], const size_t len[], size_t n, uint8_t *out);

#endif
