/* SPDX-License-Identifier: BSD-2-Clause
 *
 * UTF-8: valid and invalid characters, and the repair of texts.
 */
#include "common/base/utf8.h"

#include <criterion/criterion.h>
#include <string.h>

static void
expect_char(const char *s, unsigned len, uint32_t expected)
{
    uint32_t cp = 0;

    cr_assert_eq(utf8_decode((const uint8_t *)s, strlen(s), &cp), len);
    cr_assert_eq(cp, expected);
}

static void
expect_bad(const char *s)
{
    uint32_t cp;

    cr_assert_eq(utf8_decode((const uint8_t *)s, strlen(s), &cp), 0);
}

static void
expect_repair(const char *s, const char *expected)
{
    char out[100];
    size_t len = utf8_repair((const uint8_t *)s, strlen(s), out);

    cr_assert_str_eq(out, expected);
    cr_assert_eq(len, strlen(expected));
}

Test(utf8, characters_of_every_length)
{
    expect_char("A", 1, 'A');
    expect_char("\x7f", 1, 0x7f);
    expect_char("\xc2\x80", 2, 0x80);
    expect_char("\xdf\xbf", 2, 0x7ff);
    expect_char("\xe0\xa0\x80", 3, 0x800);
    expect_char("\xef\xbf\xbf", 3, 0xffff);
    expect_char("\xf0\x90\x80\x80", 4, 0x10000);
    expect_char("\xf4\x8f\xbf\xbf", 4, 0x10ffff);
}

Test(utf8, what_is_no_character)
{
    expect_bad("\x80");                 /* a continuation alone */
    expect_bad("\xc3");                 /* cut */
    expect_bad("\xe2\x82");             /* cut */
    expect_bad("\xc3z");                /* not continued */
    expect_bad("\xc0\xaf");             /* an overlong '/' */
    expect_bad("\xe0\x80\xaf");         /* likewise */
    expect_bad("\xf0\x80\x80\xaf");     /* likewise */
    expect_bad("\xed\xa0\x80");         /* a surrogate */
    expect_bad("\xf4\x90\x80\x80");     /* behind the last */
    expect_bad("\xf8\x88\x80\x80\x80"); /* five bytes */
    expect_bad("\xff");
}

Test(utf8, nothing_is_read_behind_the_end)
{
    uint32_t cp;

    cr_assert_eq(utf8_decode((const uint8_t *)"\xe2\x82\xac", 2, &cp), 0);
}

Test(utf8, controls)
{
    cr_assert(utf8_is_control(0));
    cr_assert(utf8_is_control(0x1b));
    cr_assert(utf8_is_control(0x7f));
    cr_assert(utf8_is_control(0x85));
    cr_assert(utf8_is_control(0x202e));
    cr_assert(utf8_is_control(0x2066));
    cr_assert_not(utf8_is_control(' '));
    cr_assert_not(utf8_is_control(0xa0));
    cr_assert_not(utf8_is_control(0x202f));
}

Test(utf8, repair)
{
    expect_repair("plain \xc3\xa9", "plain \xc3\xa9");
    expect_repair("a\nb\tc", "a\nb\tc");
    expect_repair("\x1b[31mred", "_[31mred");
    expect_repair("\xe9t\xe9", "_t_");
    expect_repair("x\xe2\x80\xaey", "x_y");
    expect_repair("", "");
}

Test(utf8, valid)
{
    char out[100];

    cr_expect_eq(utf8_valid((const uint8_t *)"a\x1b\xc2\x85\xe9z", 6, out), 8);
    cr_expect_str_eq(out, "a\x1b\xc2\x85\xef\xbf\xbdz");
    cr_expect_eq(utf8_valid((const uint8_t *)"\xe2\x82", 2, out), 6);
}

Test(utf8, whole)
{
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};

    for (size_t len = 0; len < sizeof(want) / sizeof(want[0]); len++)
        cr_expect_eq(utf8_whole((const uint8_t *)text, len), want[len], "%zu", len);
    /* Invalid bytes are not taken for the beginning of a character. */
    cr_expect_eq(utf8_whole((const uint8_t *)"\x80\x80\x80\x80\x80", 5), 5);
}
