/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Optimal string alignment distance with three rolling rows, and the rule that decides which
 * distance is near enough.
 */
#include "common/base/suggest.h"

#include <stdbool.h>
#include <string.h>

static unsigned char
fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned
suggest_distance(const char *a, const char *b)
{
    unsigned rows[3][SUGGEST_WORD_MAX + 1];
    size_t alen = strnlen(a, SUGGEST_WORD_MAX + 1), blen = strnlen(b, SUGGEST_WORD_MAX + 1);

    if (alen > SUGGEST_WORD_MAX || blen > SUGGEST_WORD_MAX)
        return SUGGEST_WORD_MAX + 1;
    for (size_t j = 0; j <= blen; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= alen; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= blen; j++) {
            bool same = fold(a[i - 1]) == fold(b[j - 1]);

            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[alen % 3][blen];
}

const char *
suggest_nearest(const char *word, const char *const names[], size_t count)
{
    size_t len = strnlen(word, SUGGEST_WORD_MAX + 1);
    unsigned best = (unsigned)(len < 3 ? 1 : len / 3) + 1;
    const char *found = NULL, *longer = NULL;

    if (len == 0 || len > SUGGEST_WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL)
            continue;
        unsigned d = suggest_distance(word, names[i]);

        /* A word that has no character in common with the name is no misspelling of it. */
        if (d < best && d < len) {
            best = d;
            found = names[i];
        }
        if (longer == NULL && len >= 2 && strncasecmp(word, names[i], len) == 0)
            longer = names[i];
    }
    return found != NULL ? found : longer;
}
