/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decomposes both texts character by character and compares them on the way, so that nothing is
 * stored or allocated. Hangul syllables are computed (Unicode 15, section 3.12).
 */
#include "common/base/unicode.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/utf8.h"

enum {
    PARTS_MAX = 8, /* the longest decomposition has 4 */
    HANGUL_S = 0xac00,
    HANGUL_L = 0x1100,
    HANGUL_V = 0x1161,
    HANGUL_T = 0x11a7,
    HANGUL_T_COUNT = 28,
    HANGUL_N_COUNT = 21 * HANGUL_T_COUNT,
    HANGUL_S_COUNT = 19 * HANGUL_N_COUNT,
};

static const struct {
    uint32_t whole, first, second; /* |second| is 0 if there is only one */
} table[] = {
#include "common/base/unicode_table.h"
};

/* A text that is being read. |parts| holds the parts of its last character that were not returned
 * yet; the next is on top. */
struct reader {
    const uint8_t *at;
    size_t left;
    uint32_t parts[PARTS_MAX];
    unsigned count;
    bool bad;
};

static bool
find(uint32_t c, uint32_t *first, uint32_t *second)
{
    size_t low = 0, high = sizeof(table) / sizeof(table[0]);
    uint32_t s = c - HANGUL_S;

    if (c >= HANGUL_S && s < HANGUL_S_COUNT) {
        bool tail = s % HANGUL_T_COUNT != 0;

        *first = tail ? c - s % HANGUL_T_COUNT : HANGUL_L + s / HANGUL_N_COUNT;
        *second =
            tail ? HANGUL_T + s % HANGUL_T_COUNT : HANGUL_V + s % HANGUL_N_COUNT / HANGUL_T_COUNT;
        return true;
    }
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (table[mid].whole < c)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == sizeof(table) / sizeof(table[0]) || table[low].whole != c)
        return false;
    *first = table[low].first;
    *second = table[low].second;
    return true;
}

/* The next character of the decomposed text; 0 at its end. */
static uint32_t
next(struct reader *r)
{
    uint32_t c = 0, first, second;

    if (r->count == 0) {
        unsigned n = r->left > 0 ? utf8_decode(r->at, r->left, &c) : 0;

        r->bad = r->bad || (r->left > 0 && n == 0);
        if (n == 0)
            return 0;
        r->at += n;
        r->left -= n;
    } else {
        c = r->parts[--r->count];
    }
    while (r->count < PARTS_MAX && find(c, &first, &second)) {
        if (second != 0)
            r->parts[r->count++] = second;
        c = first;
    }
    return c;
}

bool
unicode_same(const char *a, const char *b)
{
    struct reader x = {.at = (const uint8_t *)a, .left = strlen(a)};
    struct reader y = {.at = (const uint8_t *)b, .left = strlen(b)};
    uint32_t c, d;

    do {
        c = next(&x);
        d = next(&y);
    } while (c == d && c != 0);
    return c == d && !x.bad && !y.bad;
}
