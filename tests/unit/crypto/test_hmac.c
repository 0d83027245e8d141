/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The test cases of RFC 4231.
 */
#include "common/crypto/hmac.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/hex.h"

static void
expect(const char *key, size_t key_len, const char *data, const char *want)
{
    uint8_t out[HMAC_LEN];
    char text[2 * HMAC_LEN + 1];

    hmac_sha256((const uint8_t *)key, key_len, data, strlen(data), out);
    cr_assert_str_eq(hex_encode(out, sizeof(out), text), want);
}

Test(hmac, rfc_4231)
{
    char long_key[131];

    expect("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20,
           "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect("Jefe", 4, "what do ya want for nothing?",
           "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(long_key, 0xaa, sizeof(long_key));
    expect(long_key, sizeof(long_key), "Test Using Larger Than Block-Size Key - Hash Key First",
           "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

Test(hmac, equal)
{
    const uint8_t a[] = {1, 2, 3, 4}, b[] = {1, 2, 3, 5};

    cr_assert(hmac_equal(a, a, 4));
    cr_assert(hmac_equal(a, b, 3));
    cr_assert_not(hmac_equal(a, b, 4));
}
