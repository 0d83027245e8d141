/* SPDX-License-Identifier: BSD-2-Clause
 *
 * "Did you mean …?": the known word nearest to one that is not known, by edit distance. Knows
 * nothing of options or commands; the caller brings the words.
 */
#ifndef COMMON_BASE_SUGGEST_H
#define COMMON_BASE_SUGGEST_H

#include <stddef.h>

enum {
    SUGGEST_WORD_MAX = 64, /* bytes; a longer word is near to nothing */
};

/* How many single-byte insertions, deletions, replacements and swaps of neighbours turn |a| into
 * |b|; SUGGEST_WORD_MAX + 1 if either is longer than SUGGEST_WORD_MAX. Case counts for nothing. */
unsigned suggest_distance(const char *a, const char *b);

/* The nearest of |count| |names|, the first one of equals; NULL if none is so near that it was
 * likely meant: a third of the word may be wrong, or the word is the beginning of the name. NULLs
 * among the names are skipped. */
const char *suggest_nearest(const char *word, const char *const names[], size_t count);

#endif
