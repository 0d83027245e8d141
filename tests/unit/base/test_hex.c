/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hex both ways.
 */
#include "common/base/hex.h"

#include <criterion/criterion.h>

Test(hex, encode)
{
    static const uint8_t bytes[] = {0x00, 0x0f, 0xa5, 0xff};
    char text[HEX_SIZE(4)];

    cr_assert_eq(hex_encode(bytes, 4, text), text);
    cr_assert_str_eq(text, "000fa5ff");
    cr_assert_str_eq(hex_encode(bytes, 0, text), "");
}

Test(hex, digits)
{
    int digits = 0;

    for (int c = -128; c < 128; c++)
        digits += hex_digit_value((char)c) >= 0;
    cr_assert_eq(digits, 22);
    cr_assert_eq(hex_digit_value('0'), 0);
    cr_assert_eq(hex_digit_value('9'), 9);
    cr_assert_eq(hex_digit_value('a'), 10);
    cr_assert_eq(hex_digit_value('F'), 15);
    cr_assert_eq(hex_digit_value('g'), -1);
    cr_assert_eq(hex_digit_value('\0'), -1);
}

Test(hex, decode)
{
    uint8_t bytes[4] = {9, 9, 9, 9};

    cr_assert(hex_decode("000fA5ff", 8, bytes));
    cr_assert_arr_eq(bytes, ((uint8_t[]){0x00, 0x0f, 0xa5, 0xff}), 4);
    cr_assert(hex_decode("12", 0, bytes));
    cr_assert_not(hex_decode("123", 3, bytes));
    cr_assert_not(hex_decode("1g", 2, bytes));
    cr_assert_not(hex_decode("g1", 2, bytes));
}
