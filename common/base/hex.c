/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hex encoding with two digits per byte, and reading of hex digits.
 */
#include "common/base/hex.h"

const char *
hex_encode(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

int
hex_digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
hex_decode(const char *digits, size_t count, uint8_t *out)
{
    if (count % 2 != 0)
        return false;
    for (size_t i = 0; i < count; i += 2) {
        int high = hex_digit_value(digits[i]), low = hex_digit_value(digits[i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}
