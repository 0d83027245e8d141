/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares names that may be in different Unicode forms: composed (one character) or decomposed (a
 * letter and its marks), as file systems and programs write them.
 */
#ifndef COMMON_BASE_UNICODE_H
#define COMMON_BASE_UNICODE_H

#include <stdbool.h>

/* True if |a| and |b| are valid UTF-8 and equal after decomposition. Marks in another order make
 * texts different. */
bool unicode_same(const char *a, const char *b);

#endif
