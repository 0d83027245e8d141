/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How untrusted text is shown, character by character.
 */
#include "common/base/printable.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"

static const struct {
    const char *text, *shown;
} rows[] = {
    {"", ""},
    {"plain.txt", "plain.txt"},
    {"a\\x2db", "a\\x2db"},
    {"caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80"},
    {"a\nb\rc\td", "a\\nb\\rc\\td"},
    {"\x1b[2J\x07", "\\x1b[2J\\x07"},
    {"\x7f", "\\x7f"},
    {"\xc2\x80|\xc2\x9b|\xc2\x9f|\xc2\xa0", "\\u0080|\\u009b|\\u009f|\xc2\xa0"},
    {"exe\xe2\x80\xaegpj", "exe\\u202egpj"},
    {"\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\xaa", "\\u061c\\u200e\\u200f\\u202a"},
    {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069"},
    {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
    {"caf\xe9", "caf\xef\xbf\xbd"},
    {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
};

Test(printable, the_table)
{
    char out[100], again[100];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_str_eq(printable(rows[i].text, out, sizeof(out)), rows[i].shown, "row %zu", i);
        cr_expect_str_eq(printable(out, again, sizeof(again)), out, "row %zu, twice", i);
    }
}

Test(printable, every_byte_and_character_becomes_one_that_can_be_shown)
{
    char text[3] = "", out[32];

    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            text[0] = (char)a;
            text[1] = (char)b;
            printable(text, out, sizeof(out));
            for (const char *at = out; *at != '\0';) {
                uint32_t cp = 0;
                unsigned n = utf8_decode((const uint8_t *)at, strlen(at), &cp);

                cr_assert(n > 0 && !utf8_is_control(cp), "%02x %02x", a, b);
                at += n;
            }
        }
    }
}

Test(printable, nothing_is_cut_in_two)
{
    char out[16];

    cr_expect_str_eq(printable("ab\x1b", out, 6), "ab");
    cr_expect_str_eq(printable("ab\x1b", out, 7), "ab\\x1b");
    cr_expect_str_eq(printable("ab\xe2\x82\xac", out, 5), "ab");
    cr_expect_str_eq(printable("ab\xe2\x82\xac", out, 6), "ab\xe2\x82\xac");
    cr_expect_str_eq(printable("ab", out, 1), "");
}

static void
expect_json(const char *json, const char *shown)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    cr_assert_not_null(f);
    printable_json(f, json, strlen(json));
    fclose(f);
    cr_expect_str_eq(text, shown);
    free(text);
}

Test(printable, json_keeps_its_meaning)
{
    expect_json("{\n  \"a\": \"b\\n\xc3\xa9\"\n}", "{\n  \"a\": \"b\\n\xc3\xa9\"\n}");
    expect_json("[\"\xc2\x9b" "1m\xe2\x80\xae\x7f\"]", "[\"\\u009b1m\\u202e\\u007f\"]");
}
