/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rendering of single values. Widths of characters come from a short table of ranges (East Asian
 * wide and emoji take two columns, combining marks none), since wcwidth() depends on the locale.
 */
#include "peer/cli/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/printable.h"
#include "common/base/utf8.h"

enum { ETA_MAX_S = 100 * 86400 };

static const char units[] = "BKMGTPE";

/* Scales |v| bytes to a unit in which it is less than 1024. Returns the unit's index, and the
 * scaled value in |*tenths|. */
static unsigned
scale(uint64_t v, uint64_t *tenths)
{
    unsigned unit = 0;
    uint64_t size = 1;

    while (v / size >= 1024 && unit < sizeof(units) - 2) {
        size <<= 10;
        unit++;
    }
    *tenths = v / size * 10 + v % size * 10 / size;
    return unit;
}

static const char *
format_scaled(uint64_t v, const char *byte, const char *blank, const char *binary, const char *end,
              char out[TEXT_NUMBER_MAX])
{
    uint64_t tenths;
    unsigned unit = scale(v, &tenths);

    if (unit == 0)
        snprintf(out, TEXT_NUMBER_MAX, "%u%s%s%s", (unsigned)v, blank, byte, end);
    else
        snprintf(out, TEXT_NUMBER_MAX, "%u.%u%s%c%s%s", (unsigned)(tenths / 10),
                 (unsigned)(tenths % 10), blank, units[unit], binary, end);
    return out;
}

const char *
text_size(uint64_t bytes, char out[TEXT_NUMBER_MAX])
{
    return format_scaled(bytes, "B", " ", "iB", "", out);
}

const char *
text_rate(uint64_t bytes_per_s, char out[TEXT_NUMBER_MAX])
{
    return format_scaled(bytes_per_s, "B", " ", "iB", "/s", out);
}

const char *
text_rate_short(uint64_t bytes_per_s, char out[TEXT_NUMBER_MAX])
{
    return format_scaled(bytes_per_s, "B", "", "", "/s", out);
}

const char *
text_duration(int64_t seconds, char out[TEXT_NUMBER_MAX])
{
    long long s = seconds;

    if (s < 0)
        snprintf(out, TEXT_NUMBER_MAX, "-");
    else if (s < 60)
        snprintf(out, TEXT_NUMBER_MAX, "%llds", s);
    else if (s < 3600)
        snprintf(out, TEXT_NUMBER_MAX, "%lld:%02lld", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, TEXT_NUMBER_MAX, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, TEXT_NUMBER_MAX, "%lldd %02lldh", s / 86400, s / 3600 % 24);
    return out;
}

int64_t
text_eta(uint64_t left, uint64_t rate)
{
    if (left == 0)
        return 0;
    if (rate == 0 || left / rate > ETA_MAX_S)
        return -1;
    return (int64_t)((left + rate - 1) / rate);
}

/* Returns |whole| * |done| / |total|, rounded down, without overflow; |whole| is at most 1024. */
static unsigned
part_of(uint64_t done, uint64_t total, unsigned whole)
{
    if (done >= total)
        return whole;
    /* Both are scaled down until the product can't overflow; the rounding error is invisible. */
    while (done > UINT64_MAX / 1024) {
        done >>= 1;
        total >>= 1;
    }
    whole = done == total ? whole - 1 : whole;
    return (unsigned)(done * whole / total);
}

const char *
text_percent(uint64_t done, uint64_t total, char out[TEXT_NUMBER_MAX])
{
    unsigned permille = part_of(done, total, 1000);

    snprintf(out, TEXT_NUMBER_MAX, "%u.%u%%", permille / 10, permille % 10);
    return out;
}

const char *
text_noun(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

struct range {
    uint32_t first, last;
};

static bool
in_ranges(uint32_t cp, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last)
            return true;
    return false;
}

static unsigned
char_width(uint32_t cp)
{
    static const struct range none[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},
                                        {0x610, 0x61a},   {0x64b, 0x65f},   {0x1ab0, 0x1aff},
                                        {0x1dc0, 0x1dff}, {0x200b, 0x200d}, {0x20d0, 0x20ff},
                                        {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};
    static const struct range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
                                        {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},
                                        {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
                                        {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
                                        {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

    if (cp < 0x300)
        return 1;
    if (in_ranges(cp, none, sizeof(none) / sizeof(none[0])))
        return 0;
    return in_ranges(cp, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

/* Writes the first character of the non-empty |s| to |shown| as a terminal gets it. Returns its
 * length in |s| in bytes; |*columns| is its width. */
static unsigned
next_char(const char *s, unsigned *columns, char shown[PRINTABLE_CHAR_MAX])
{
    unsigned n = printable_char(s, strnlen(s, UTF8_LEN_MAX), shown);
    uint32_t cp = 0;

    if (shown[0] == '\\' && shown[1] != '\0') /* an escape: all ASCII */
        *columns = (unsigned)strlen(shown);
    else
        *columns = utf8_decode((const uint8_t *)shown, strlen(shown), &cp) > 0 ? char_width(cp) : 1;
    return n;
}

/* Returns the width of |s| in columns; |*bytes| is its length. Both count |s| as it is shown. */
static unsigned
measure(const char *s, size_t *bytes)
{
    char shown[PRINTABLE_CHAR_MAX];
    unsigned width = 0, columns;

    *bytes = 0;
    while (*s != '\0') {
        s += next_char(s, &columns, shown);
        width += columns;
        *bytes += strlen(shown);
    }
    return width;
}

unsigned
text_width(const char *s)
{
    size_t bytes;

    return measure(s, &bytes);
}

unsigned
text_fit(char *out, size_t size, const char *s, unsigned columns)
{
    static const char dots[] = "\xe2\x80\xa6";
    char shown[PRINTABLE_CHAR_MAX];
    size_t len = 0, bytes;
    bool cut = measure(s, &bytes) > columns || bytes >= size;
    unsigned room = cut && columns > 0 ? columns - 1 : columns, width = 0, c;
    size_t reserve = cut ? sizeof(dots) : 1;

    ASSERT(size >= sizeof(dots));
    while (*s != '\0') {
        unsigned n = next_char(s, &c, shown);
        size_t adds = strlen(shown);

        if (width + c > room || len + adds + reserve > size)
            break;
        memcpy(out + len, shown, adds);
        len += adds;
        width += c;
        s += n;
    }
    if (cut && columns > 0) {
        memcpy(out + len, dots, sizeof(dots) - 1);
        len += sizeof(dots) - 1;
        width++;
    }
    out[len] = '\0';
    return width;
}

const char *
text_bar(char *out, size_t size, uint64_t done, uint64_t total, unsigned columns)
{
    unsigned room = columns - 2, full;

    ASSERT(columns >= 3 && size > columns);
    full = part_of(done, total, room);
    out[0] = '[';
    memset(out + 1, '=', full);
    memset(out + 1 + full, ' ', room - full);
    if (full < room)
        out[1 + full] = '>';
    out[columns - 1] = ']';
    out[columns] = '\0';
    return out;
}
