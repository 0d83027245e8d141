/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Encodes bytes as lower-case hex digits, and reads hex digits of either case.
 */
#ifndef COMMON_BASE_HEX_H
#define COMMON_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of the hex text of |len| bytes, including the NUL. */
#define HEX_SIZE(len) (2 * (len) + 1)

/* Writes HEX_SIZE(len) bytes and returns |out|. */
const char *hex_encode(const uint8_t *bytes, size_t len, char *out);

/* Returns 0 to 15, or -1 for a character that is no hex digit. */
int hex_digit_value(char c);

/* Reads |count| digits into |count| / 2 bytes. False if the count is odd or one is no digit. */
bool hex_decode(const char *digits, size_t count, uint8_t *out);

#endif
