/* SPDX-License-Identifier: BSD-2-Clause
 *
 * UTF-8 from strangers: decoding that can't be fooled by overlong forms or surrogates, and the
 * repair of text that is kept for people to read. How text is shown is decided in printable.h.
 */
#ifndef COMMON_BASE_UTF8_H
#define COMMON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_LEN_MAX = 4 }; /* bytes of a character */

/* Decodes the first character of |len| > 0 bytes into |*cp| and returns how many bytes it takes; 0
 * if they don't begin with valid UTF-8 (then one byte should be skipped). */
unsigned utf8_decode(const uint8_t *s, size_t len, uint32_t *cp);

/* C0 and C1 controls and DEL, the separators of lines and paragraphs (U+2028, U+2029), and the
 * marks that turn the direction of the text around them (U+061C, U+200E, U+200F, U+202A to U+202E,
 * U+2066 to U+2069): what moves a cursor, or makes text look like another. */
bool utf8_is_control(uint32_t cp);

/* The length of |s| without a character that the end of its |len| bytes cuts. */
size_t utf8_whole(const uint8_t *s, size_t len);

/* Copies |len| bytes to |out|, which has room for 3 * |len| + 1, as valid UTF-8 with a NUL: each
 * byte that is none becomes U+FFFD, all else stays. Returns the length. */
size_t utf8_valid(const uint8_t *s, size_t len, char *out);

/* Copies |len| bytes to |out|, which has room for |len| + 1, as printable UTF-8 with a NUL: what is
 * no valid UTF-8 and every control character but newline and tab becomes '_'. Returns the
 * length. */
size_t utf8_repair(const uint8_t *s, size_t len, char *out);

#endif
