/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The MAC covers a hash of the message, so that the message is not copied.
 */
#include "tracker/core/seal.h"

#include <stdio.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/crypto/hmac.h"

enum { KEY_MAX = 256 };

static void
make_mac(const struct seal *s, const char *key, uint64_t number, const void *data, size_t len,
         uint8_t mac[SEAL_MAC_LEN])
{
    uint8_t input[KEY_MAX + 1 + 8 + SHA256_LEN], whole[HMAC_LEN];
    size_t key_len = strlen(key);

    ASSERT(key_len <= KEY_MAX);
    memcpy(input, key, key_len + 1);
    put_u64be(input + key_len + 1, number);
    sha256(data, len, input + key_len + 1 + 8);
    hmac_sha256(s->secret, sizeof(s->secret), input, key_len + 1 + 8 + SHA256_LEN, whole);
    memcpy(mac, whole, SEAL_MAC_LEN);
}

int
seal_put(const struct seal *s, const char *key, uint64_t number, struct buf *out)
{
    uint8_t mac[SEAL_MAC_LEN];

    if (!s->set)
        return out->err;
    make_mac(s, key, number, buf_data(out), buf_len(out), mac);
    buf_put_u64(out, number);
    return buf_put(out, mac, sizeof(mac));
}

int
seal_check(const struct seal *s, const char *key, const uint8_t *data, size_t *len, uint64_t *last)
{
    uint8_t mac[SEAL_MAC_LEN];
    uint64_t number;
    size_t inner;

    if (!s->set)
        return 0;
    if (*len < SEAL_LEN)
        return SPRAT_E_MISMATCH;
    inner = *len - SEAL_LEN;
    number = get_u64be(data + inner);
    make_mac(s, key, number, data, inner, mac);
    if (!hmac_equal(mac, data + inner + 8, sizeof(mac)) || (last != NULL && number <= *last))
        return SPRAT_E_MISMATCH;
    if (last != NULL)
        *last = number;
    *len = inner;
    return 0;
}

void
seal_put_text(const struct seal *s, const char *key, const char *text,
              char out[SEAL_SEALED_TEXT_MAX + 1])
{
    uint8_t mac[SEAL_MAC_LEN];
    char digits[2 * SEAL_MAC_LEN + 1] = "";

    ASSERT(strlen(text) <= SEAL_TEXT_MAX);
    if (s->set) {
        make_mac(s, key, 0, text, strlen(text), mac);
        hex_encode(mac, sizeof(mac), digits);
    }
    snprintf(out, SEAL_SEALED_TEXT_MAX + 1, "%s%s%s", text, s->set ? ":" : "", digits);
}

int
seal_check_text(const struct seal *s, const char *key, char *text)
{
    char want[SEAL_SEALED_TEXT_MAX + 1];
    char *colon = strchr(text, ':');
    size_t len = strlen(text);

    if (!s->set || text[0] == '\0')
        return 0;
    if (colon == NULL || colon - text > SEAL_TEXT_MAX)
        return SPRAT_E_MISMATCH;
    *colon = '\0';
    seal_put_text(s, key, text, want);
    *colon = ':';
    if (strlen(want) != len || !hmac_equal((const uint8_t *)want, (const uint8_t *)text, len))
        return SPRAT_E_MISMATCH;
    *colon = '\0';
    return 0;
}
