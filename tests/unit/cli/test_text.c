/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sizes, rates, times, names cut to columns, and bars.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer/cli/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(text, sizes)
{
    static const struct {
        uint64_t bytes;
        const char *text, *rate, *rate_short;
    } rows[] = {
        {0, "0 B", "0 B/s", "0B/s"},
        {1023, "1023 B", "1023 B/s", "1023B/s"},
        {1024, "1.0 KiB", "1.0 KiB/s", "1.0K/s"},
        {1536, "1.5 KiB", "1.5 KiB/s", "1.5K/s"},
        {1048575, "1023.9 KiB", "1023.9 KiB/s", "1023.9K/s"},
        {1048576, "1.0 MiB", "1.0 MiB/s", "1.0M/s"},
        {5368709120, "5.0 GiB", "5.0 GiB/s", "5.0G/s"},
        {UINT64_MAX, "15.9 EiB", "15.9 EiB/s", "15.9E/s"},
    };
    char out[TEXT_NUMBER_MAX];

    for (size_t i = 0; i < COUNT(rows); i++) {
        cr_expect_str_eq(text_size(rows[i].bytes, out), rows[i].text);
        cr_expect_str_eq(text_rate(rows[i].bytes, out), rows[i].rate);
        cr_expect_str_eq(text_rate_short(rows[i].bytes, out), rows[i].rate_short);
    }
}

Test(text, durations)
{
    static const struct {
        int64_t s;
        const char *text;
    } rows[] = {
        {-1, "-"},         {0, "0s"},
        {59, "59s"},       {60, "1:00"},
        {200, "3:20"},     {3599, "59:59"},
        {3600, "1:00:00"}, {86399, "23:59:59"},
        {86400, "1d 00h"}, {100 * 86400 - 1, "99d 23h"},
    };
    char out[TEXT_NUMBER_MAX];

    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_str_eq(text_duration(rows[i].s, out), rows[i].text);
    text_duration(INT64_MAX, out);
    cr_expect_lt(strlen(out), TEXT_NUMBER_MAX);
}

Test(text, eta)
{
    cr_expect_eq(text_eta(0, 0), 0);
    cr_expect_eq(text_eta(1, 0), -1);
    cr_expect_eq(text_eta(1000, 100), 10);
    cr_expect_eq(text_eta(1001, 100), 11);
    cr_expect_eq(text_eta(UINT64_MAX, 1), -1);
}

Test(text, percents_reach_100_only_at_the_end)
{
    char out[TEXT_NUMBER_MAX];

    cr_expect_str_eq(text_percent(0, 10, out), "0.0%");
    cr_expect_str_eq(text_percent(9999, 10000, out), "99.9%");
    cr_expect_str_eq(text_percent(UINT64_MAX - 1, UINT64_MAX, out), "99.9%");
    cr_expect_str_eq(text_percent(10000, 10000, out), "100.0%");
    cr_expect_str_eq(text_percent(0, 0, out), "100.0%");
    cr_expect_str_eq(text_percent(UINT64_MAX / 2, UINT64_MAX, out), "49.9%");
}

Test(text, widths)
{
    cr_expect_eq(text_width(""), 0);
    cr_expect_eq(text_width("abc"), 3);
    cr_expect_eq(text_width("äöü"), 3);
    cr_expect_eq(text_width("ファイル"), 8);
    cr_expect_eq(text_width("e\xcc\x81"), 1, "a combining accent takes no column");
    cr_expect_eq(text_width("\xff\xfe"), 2);
    cr_expect_eq(text_width("a\033[2J"), 8);
    cr_expect_eq(text_width("😀"), 2);
}

static void
expect_fit(const char *s, unsigned columns, const char *want)
{
    char out[64];
    unsigned width = text_fit(out, sizeof(out), s, columns);

    cr_expect_str_eq(out, want);
    cr_expect_eq(width, text_width(want), "%s", s);
    cr_expect_leq(width, columns, "%s", s);
}

Test(text, names_are_cut_between_characters)
{
    expect_fit("abcdef", 6, "abcdef");
    expect_fit("abcdef", 5, "abcd…");
    expect_fit("abcdef", 1, "…");
    expect_fit("abcdef", 0, "");
    expect_fit("", 0, "");
    expect_fit("äöü", 2, "ä…");
    expect_fit("ファイル", 8, "ファイル");
    expect_fit("ファイル", 7, "ファイ…");
    expect_fit("ファイル", 6, "ファ…");
    expect_fit("ファイル", 2, "…");
    expect_fit("x\033[31m\n", 11, "x\\x1b[31m\\n");
    expect_fit("x\033[31m", 4, "x…");
    expect_fit("\xc2\x9b\xe2\x80\xae", 12, "\\u009b\\u202e");
    expect_fit("\xff\xc3", 5, "\xef\xbf\xbd\xef\xbf\xbd");
}

Test(text, a_small_buffer_cuts_too)
{
    char out[8];

    cr_expect_eq(text_fit(out, sizeof(out), "abcdefghij", 80), 5);
    cr_expect_str_eq(out, "abcd…");
    text_fit(out, sizeof(out), "äöüäöü", 80);
    cr_expect_str_eq(out, "äö…");
}

Test(text, bars)
{
    char out[16];

    cr_expect_str_eq(text_bar(out, sizeof(out), 0, 100, 12), "[>         ]");
    cr_expect_str_eq(text_bar(out, sizeof(out), 50, 100, 12), "[=====>    ]");
    cr_expect_str_eq(text_bar(out, sizeof(out), 99, 100, 12), "[=========>]");
    cr_expect_str_eq(text_bar(out, sizeof(out), 100, 100, 12), "[==========]");
    cr_expect_str_eq(text_bar(out, sizeof(out), 0, 0, 3), "[=]");
}
