/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the known word nearest to an unknown one by edit distance, for "did you mean …?". Knows
 * nothing about options or commands; the caller passes the words.
 */
#ifndef COMMON_BASE_SUGGEST_H
#define COMMON_BASE_SUGGEST_H

#include <stddef.h>

enum {
    SUGGEST_WORD_MAX = 64, /* bytes; a longer word is near no other */
};

/* The number of single-byte insertions, deletions, replacements and swaps of neighbours that turn
 * |a| into |b|; SUGGEST_WORD_MAX + 1 if either is longer than SUGGEST_WORD_MAX. Ignores case. */
unsigned suggest_distance(const char *a, const char *b);

/* The nearest of |count| |names|, the first of equals; NULL if none is near enough to be meant: at
 * most a third of the word may be wrong, or the word is the beginning of the name. NULL entries in
 * |names| are skipped. */
const char *suggest_nearest(const char *word, const char *const names[], size_t count);

#endif
