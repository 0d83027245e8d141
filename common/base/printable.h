/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes untrusted text safe to show. File names, tracker messages and client names are kept
 * unchanged; code that prints them, on a terminal, in a log line or as JSON, uses these functions,
 * so that no text moves the cursor, breaks a line or reverses the text beside it.
 *
 *   in the text                                         is shown as
 *   newline, carriage return, tab                       \n, \r, \t
 *   another control character below U+0080              \x1b
 *   U+0080 to U+009F, direction marks, U+2028, U+2029   \u202e
 *   a byte that is no UTF-8                             U+FFFD
 *   all else, backslashes too                           itself
 */
#ifndef COMMON_BASE_PRINTABLE_H
#define COMMON_BASE_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

enum { PRINTABLE_CHAR_MAX = 8 }; /* "\u202e", with the NUL and one to spare */

/* Writes the shown form of the first character of the |len| > 0 bytes at |s|, and returns how many
 * bytes that character takes at |s|. */
unsigned printable_char(const char *s, size_t len, char shown[PRINTABLE_CHAR_MAX]);

/* Writes the shown form of |s|: as many whole characters as fit into |size| > 0 bytes with the NUL.
 * Returns |out|. Printable text stays unchanged. */
const char *printable(const char *s, char *out, size_t size);

/* Prints |len| bytes (whole characters) of a valid JSON text. Control characters that JSON allows
 * in strings are printed as JSON escapes, so that the text keeps its meaning and is safe for a
 * terminal. */
void printable_json(FILE *out, const char *json, size_t len);

#endif
