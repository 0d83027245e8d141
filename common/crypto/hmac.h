/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HMAC-SHA-256 (RFC 2104), for messages whose authenticity must hold for years. mac.h has a shorter
 * one for values that live for minutes.
 */
#ifndef COMMON_CRYPTO_HMAC_H
#define COMMON_CRYPTO_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HMAC_LEN = 32 };

/* Writes the MAC of |data| under |key|; a key has any length. */
void hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len,
                 uint8_t out[HMAC_LEN]);

/* True if the |len| bytes are equal. The time that this takes does not depend on their values. */
bool hmac_equal(const uint8_t *a, const uint8_t *b, size_t len);

#endif
