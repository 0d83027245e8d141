/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes text from strangers safe to show. Names of files, messages of trackers and names of clients
 * are kept as they came; whatever prints them, on a terminal, in a log line or as JSON, goes
 * through here, so that no text moves a cursor, breaks a line or turns around what stands beside
 * it.
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

/* Gives the form in which the first character of the |len| > 0 bytes at |s| is shown, and returns
 * how many bytes it takes there. */
unsigned printable_char(const char *s, size_t len, char shown[PRINTABLE_CHAR_MAX]);

/* Writes |s| as it is shown, as many whole characters as fit into |size| > 0 bytes with the NUL.
 * Returns |out|. What is printable already stays as it is. */
const char *printable(const char *s, char *out, size_t size);

/* Prints |len| bytes of whole characters of a valid JSON text: control characters that JSON allows
 * in its strings are printed as JSON's own escapes, so that the text has the same meaning and a
 * terminal is safe from it. */
void printable_json(FILE *out, const char *json, size_t len);

#endif
