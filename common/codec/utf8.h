/* SPDX-License-Identifier: BSD-2-Clause
 *
 * UTF-8 as torrent files and magnet links need it: decoding that can't be fooled by overlong forms
 * or surrogates, and the repair of text for people to read.
 */
#ifndef COMMON_CODEC_UTF8_H
#define COMMON_CODEC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the first character of |len| > 0 bytes into |*cp| and returns how many bytes it takes; 0
 * if they don't begin with valid UTF-8 (then one byte should be skipped). */
unsigned utf8_decode(const uint8_t *s, size_t len, uint32_t *cp);

/* C0 and C1 controls and DEL, and the characters that turn the direction of text around them. */
bool utf8_is_control(uint32_t cp);

/* Copies |len| bytes to |out|, which has room for |len| + 1, as printable UTF-8 with a NUL: what is
 * no valid UTF-8 and every control character but newline and tab becomes '_'. Returns the
 * length. */
size_t utf8_repair(const uint8_t *s, size_t len, char *out);

#endif
