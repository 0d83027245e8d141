/* SPDX-License-Identifier: BSD-2-Clause
 *
 * OpenSSL's HMAC.
 */
#include "common/crypto/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/assert.h"

void
hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len,
            uint8_t out[HMAC_LEN])
{
    unsigned n = 0;

    ASSERT(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &n) != NULL && n == HMAC_LEN);
}

bool
hmac_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t differ = 0;

    for (size_t i = 0; i < len; i++)
        differ |= a[i] ^ b[i];
    return differ == 0;
}
