/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Base64: four characters encode three bytes.
 */
#include "common/rpc/base64.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *
base64_encode(const void *data, size_t len)
{
    const uint8_t *in = data;
    char *text, *p;

    if (len > SIZE_MAX / 2)
        return NULL;
    text = p = malloc((len + 2) / 3 * 4 + 1);
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                     (n > 2 ? in[i + 2] : 0u);

        *p++ = alphabet[v >> 18];
        *p++ = alphabet[v >> 12 & 63];
        *p++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
        *p++ = n > 2 ? alphabet[v & 63] : '=';
    }
    *p = '\0';
    return text;
}

static int
digit(char c)
{
    const char *p = c != '\0' ? memchr(alphabet, c, 64) : NULL;

    return p != NULL ? (int)(p - alphabet) : -1;
}

/* Decodes one group with |n| (1 to 3) bytes. */
static int
decode_group(const char *text, size_t n, uint8_t *out)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        int d = i <= n ? digit(text[i]) : 0;

        if (d < 0)
            return SPRAT_E_SYNTAX;
        v = v << 6 | (uint32_t)d;
    }
    if ((n == 1 && (v & 0xffff) != 0) || (n == 2 && (v & 0xff) != 0))
        return SPRAT_E_SYNTAX;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(v >> (16 - 8 * i));
    return 0;
}

int
base64_decode(const char *text, size_t text_len, uint8_t **out, size_t *len)
{
    size_t groups = text_len / 4, last = 3, at = 0;
    uint8_t *bytes;

    if (text_len % 4 != 0)
        return SPRAT_E_SYNTAX;
    if (groups > 0 && text[text_len - 1] == '=')
        last = text[text_len - 2] == '=' ? 1 : 2;
    bytes = malloc(groups * 3 + 1);
    if (bytes == NULL)
        return SPRAT_E_NOMEM;
    for (size_t g = 0; g < groups; g++) {
        size_t n = g + 1 == groups ? last : 3;

        if (decode_group(text + 4 * g, n, bytes + at) != 0) {
            free(bytes);
            return SPRAT_E_SYNTAX;
        }
        at += n;
    }
    *out = bytes;
    *len = at;
    return 0;
}
