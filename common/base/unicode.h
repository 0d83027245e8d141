/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether two names are the same text in different forms of Unicode: composed (one character) or
 * decomposed (a letter and its marks), as file systems and programs write them.
 */
#ifndef COMMON_BASE_UNICODE_H
#define COMMON_BASE_UNICODE_H

#include <stdbool.h>

/* True if |a| and |b| are valid UTF-8 and equal when all is decomposed. Marks that stand in another
 * order make texts different. */
bool unicode_same(const char *a, const char *b);

#endif
