/* SPDX-License-Identifier: BSD-2-Clause
 *
 * UTF-8 decoding by the table of RFC 3629, section 4. Independent of paths:
 * common/codec/metainfo_path.c decides which characters a file name may have.
 */
#include "common/base/utf8.h"

#include <string.h>

unsigned
utf8_decode(const uint8_t *s, size_t len, uint32_t *cp)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned n;
    uint32_t c;

    if (s[0] < 0x80) {
        *cp = s[0];
        return 1;
    }
    if ((s[0] & 0xe0) == 0xc0)
        n = 2;
    else if ((s[0] & 0xf0) == 0xe0)
        n = 3;
    else if ((s[0] & 0xf8) == 0xf0)
        n = 4;
    else
        return 0;
    if (len < n)
        return 0;
    c = s[0] & (0x7fu >> n);
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *cp = c;
    return n;
}

bool
utf8_is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x61c || cp == 0x200e || cp == 0x200f ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

size_t
utf8_whole(const uint8_t *s, size_t len)
{
    size_t start = len;

    while (start > 0 && len - start < 4) {
        uint8_t c = s[--start];

        if ((c & 0xc0) == 0x80)
            continue;
        if (c >= 0xf0)
            return start + 4 > len ? start : len;
        if (c >= 0xe0)
            return start + 3 > len ? start : len;
        return c >= 0xc0 && start + 2 > len ? start : len;
    }
    return len;
}

size_t
utf8_valid(const uint8_t *s, size_t len, char *out)
{
    static const char replacement[] = "\xef\xbf\xbd";
    size_t used = 0;

    for (size_t i = 0; i < len;) {
        uint32_t cp = 0;
        unsigned n = utf8_decode(s + i, len - i, &cp);

        memcpy(out + used, n > 0 ? (const char *)s + i : replacement, n > 0 ? n : 3);
        used += n > 0 ? n : 3;
        i += n > 0 ? n : 1;
    }
    out[used] = '\0';
    return used;
}

size_t
utf8_repair(const uint8_t *s, size_t len, char *out)
{
    size_t used = 0;

    for (size_t i = 0; i < len;) {
        uint32_t cp = 0;
        unsigned n = utf8_decode(s + i, len - i, &cp);

        if (n > 0 && (cp == '\n' || cp == '\t' || !utf8_is_control(cp))) {
            memcpy(out + used, s + i, n);
            used += n;
        } else {
            out[used++] = '_';
        }
        i += n > 0 ? n : 1;
    }
    out[used] = '\0';
    return used;
}
