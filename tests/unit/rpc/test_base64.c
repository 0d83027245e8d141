/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The vectors of RFC 4648 section 10, and what is refused.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/rpc/base64.h"

Test(base64, vectors)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
        uint8_t *bytes = NULL;
        size_t len = 99;

        cr_expect_str_eq(text, pairs[i][1]);
        cr_assert_eq(base64_decode(text, strlen(text), &bytes, &len), 0);
        cr_expect_eq(len, strlen(pairs[i][0]));
        cr_expect_eq(memcmp(bytes, pairs[i][0], len), 0);
        free(text);
        free(bytes);
    }
}

Test(base64, every_byte_round_trips)
{
    uint8_t all[256], *back;
    size_t len;

    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)(255 - i);
    char *text = base64_encode(all, sizeof(all));
    cr_assert_eq(base64_decode(text, strlen(text), &back, &len), 0);
    cr_expect_eq(len, sizeof(all));
    cr_expect_eq(memcmp(back, all, len), 0);
    free(text);
    free(back);
}

Test(base64, malformed)
{
    static const char *const bad[] = {"Z",    "Zg",   "Zg=",  "====", "Zg=a", "Z===",    "Zm9v\n",
                                      "Zm 9", "Zh==", "Zm9=", "Zm9*", "-_-_", "Zg==Zg=="};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t *bytes = NULL;
        size_t len;

        cr_expect_eq(base64_decode(bad[i], strlen(bad[i]), &bytes, &len), SPRAT_E_SYNTAX, "%s",
                     bad[i]);
        cr_expect_null(bytes);
    }
}
