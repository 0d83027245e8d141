/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Works one character at a time and allocates nothing, so that it is usable when memory is out.
 */
#include "common/base/printable.h"

#include <stdint.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/utf8.h"

static void
show_control(uint32_t cp, char shown[PRINTABLE_CHAR_MAX])
{
    switch (cp) {
    case '\n': strcpy(shown, "\\n"); break;
    case '\r': strcpy(shown, "\\r"); break;
    case '\t': strcpy(shown, "\\t"); break;
    default:
        snprintf(shown, PRINTABLE_CHAR_MAX, cp < 0x80 ? "\\x%02x" : "\\u%04x",
                 (unsigned)(cp & 0xffff));
    }
}

unsigned
printable_char(const char *s, size_t len, char shown[PRINTABLE_CHAR_MAX])
{
    uint32_t cp = 0;
    unsigned n = utf8_decode((const uint8_t *)s, len, &cp);

    if (n == 0) {
        strcpy(shown, "\xef\xbf\xbd");
    } else if (utf8_is_control(cp)) {
        show_control(cp, shown);
    } else {
        memcpy(shown, s, n);
        shown[n] = '\0';
    }
    return n > 0 ? n : 1;
}

const char *
printable(const char *s, char *out, size_t size)
{
    char shown[PRINTABLE_CHAR_MAX];
    size_t len = strlen(s), used = 0;

    ASSERT(size > 0);
    while (len > 0) {
        unsigned n = printable_char(s, len, shown);
        size_t adds = strlen(shown);

        if (adds >= size - used)
            break;
        memcpy(out + used, shown, adds);
        used += adds;
        s += n;
        len -= n;
    }
    out[used] = '\0';
    return out;
}

void
printable_json(FILE *out, const char *json, size_t len)
{
    while (len > 0) {
        uint32_t cp = 0;
        unsigned n = utf8_decode((const uint8_t *)json, len, &cp);

        /* Characters below U+0020 in JSON are white space between its tokens. */
        if (n > 0 && cp >= 0x20 && utf8_is_control(cp))
            fprintf(out, "\\u%04x", (unsigned)cp);
        else
            fwrite(json, 1, n > 0 ? n : 1, out);
        json += n > 0 ? n : 1;
        len -= n > 0 ? n : 1;
    }
}
