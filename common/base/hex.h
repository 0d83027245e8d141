/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bytes as lower-case hex, and hex digits of either case as numbers.
 */
#ifndef COMMON_BASE_HEX_H
#define COMMON_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Room for |len| bytes and the NUL. */
#define HEX_SIZE(len) (2 * (len) + 1)

/* Writes HEX_SIZE(len) bytes and returns |out|. */
const char *hex_encode(const uint8_t *bytes, size_t len, char *out);

/* 0 to 15, or -1 for a character that is no hex digit. */
int hex_digit_value(char c);

#endif
