/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decodes and repairs untrusted UTF-8: overlong forms and surrogates are rejected, and text that is
 * kept for users is repaired. printable.h decides how text is shown.
 */
#ifndef COMMON_BASE_UTF8_H
#define COMMON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_LEN_MAX = 4 }; /* bytes of a character */

/* Decodes the first character of the |len| > 0 bytes into |*cp| and returns its length in bytes; 0
 * if the bytes don't begin with valid UTF-8 (the caller then skips one byte). */
unsigned utf8_decode(const uint8_t *s, size_t len, uint32_t *cp);

/* True for C0 and C1 controls and DEL, line and paragraph separators (U+2028, U+2029), and the
 * marks that change the direction of the text around them (U+061C, U+200E, U+200F, U+202A to
 * U+202E, U+2066 to U+2069): characters that move a cursor, or make one text look like another. */
bool utf8_is_control(uint32_t cp);

/* The length of the |len| bytes at |s| without a last character that is cut off. */
size_t utf8_whole(const uint8_t *s, size_t len);

/* Copies |len| bytes to |out|, which has room for 3 * |len| + 1, as valid UTF-8 with a NUL: each
 * invalid byte becomes U+FFFD. Returns the length. */
size_t utf8_valid(const uint8_t *s, size_t len, char *out);

/* Copies |len| bytes to |out|, which has room for |len| + 1, as printable UTF-8 with a NUL: each
 * invalid byte and each control character except newline and tab becomes '_'. Returns the length.
 */
size_t utf8_repair(const uint8_t *s, size_t len, char *out);

#endif
