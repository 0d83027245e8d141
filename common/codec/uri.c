/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Percent-encoding and decoding of bytes, independent of their meaning in a URL.
 */
#include "common/codec/uri.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/trim.h"

static const char digits[] = "0123456789ABCDEF";

static bool
is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

int
uri_escape(struct buf *out, const void *s, size_t len)
{
    const uint8_t *p = s;

    for (size_t i = 0; i < len; i++) {
        char escaped[3] = {'%', digits[p[i] >> 4], digits[p[i] & 15]};

        if (is_unreserved(p[i]))
            buf_put(out, &p[i], 1);
        else
            buf_put(out, escaped, sizeof(escaped));
    }
    return out->err;
}

size_t
uri_unescape(const char *s, size_t len, uint8_t *out)
{
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        bool whole = s[i] == '%' && len - i > 2;
        int high = whole ? hex_digit_value(s[i + 1]) : -1;
        int low = whole ? hex_digit_value(s[i + 2]) : -1;

        if (high >= 0 && low >= 0) {
            out[used++] = (uint8_t)(high << 4 | low);
            i += 2;
        } else {
            out[used++] = (uint8_t)s[i];
        }
    }
    return used;
}

size_t
uri_clean(const uint8_t *s, size_t len, char out[URI_MAX + 1])
{
    size_t used = 0;

    out[0] = '\0';
    s = trim(s, &len);
    if (len > URI_MAX || memmem(s, len, "://", 3) == NULL)
        return 0;
    for (size_t i = 0; i < len; i++) {
        bool plain = s[i] > ' ' && s[i] < 0x7f;

        if (used + (plain ? 1 : 3) > URI_MAX) {
            out[0] = '\0';
            return 0;
        }
        if (plain) {
            out[used++] = (char)s[i];
            continue;
        }
        out[used++] = '%';
        out[used++] = digits[s[i] >> 4];
        out[used++] = digits[s[i] & 15];
    }
    out[used] = '\0';
    return used;
}
