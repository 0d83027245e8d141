/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sizes, rates, ratios and booleans as people write them.
 */
#include <criterion/criterion.h>

#include "common/base/err.h"
#include "common/base/parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(parse, sizes)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},
        {"16384", 16384},
        {"256K", 256 * 1024},
        {"256k", 256 * 1024},
        {"256KiB", 256 * 1024},
        {"1.5M", 1536 * 1024},
        {"0.5K", 512},
        {"2G", UINT64_C(2) << 30},
        {"3T", UINT64_C(3) << 40},
        {"9223372036854775807", INT64_MAX},
    };

    for (size_t i = 0; i < COUNT(good); i++) {
        uint64_t v = 1;

        cr_expect_eq(parse_size(good[i].text, &v), 0, "%s", good[i].text);
        cr_expect_eq(v, good[i].value, "%s", good[i].text);
    }
}

Test(parse, bad_sizes)
{
    static const char *const bad[] = {"",    "K",   "-1",  "+1",  " 1",   "1 ",
                                      "1.5", "1.K", ".5K", "1KB", "1Ki",  "0x10",
                                      "1e3", "1K2", "1P",  "1/s", "1,5M", "1.1234567M"};

    for (size_t i = 0; i < COUNT(bad); i++) {
        uint64_t v = 7;

        cr_expect_eq(parse_size(bad[i], &v), SPRAT_E_SYNTAX, "%s", bad[i]);
        cr_expect_eq(v, 7);
    }
}

Test(parse, sizes_past_the_end)
{
    static const char *const big[] = {"9223372036854775808", "18446744073709551616", "8388608T",
                                      "99999999999999999999999G"};

    for (size_t i = 0; i < COUNT(big); i++) {
        uint64_t v = 7;

        cr_expect_eq(parse_size(big[i], &v), SPRAT_E_RANGE, "%s", big[i]);
        cr_expect_eq(v, 7);
    }
}

Test(parse, rates)
{
    uint64_t v = 0;

    cr_expect_eq(parse_rate("100K", &v), 0);
    cr_expect_eq(v, 102400);
    cr_expect_eq(parse_rate("1MiB/s", &v), 0);
    cr_expect_eq(v, 1048576);
    cr_expect_eq(parse_rate("0", &v), 0);
    cr_expect_eq(v, 0);
    cr_expect_eq(parse_rate("1M/h", &v), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_rate("1M/", &v), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_rate("1M/ss", &v), SPRAT_E_SYNTAX);
}

Test(parse, numbers)
{
    uint64_t v = 0;

    cr_expect_eq(parse_u64("10", 1, 10, &v), 0);
    cr_expect_eq(v, 10);
    cr_expect_eq(parse_u64("11", 1, 10, &v), SPRAT_E_RANGE);
    cr_expect_eq(parse_u64("0", 1, 10, &v), SPRAT_E_RANGE);
    cr_expect_eq(parse_u64("1x", 1, 10, &v), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_u64("", 0, 10, &v), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_u64("18446744073709551615", 0, UINT64_MAX, &v), 0);
    cr_expect_eq(v, UINT64_MAX);
}

Test(parse, ratios)
{
    double r = 0;

    cr_expect_eq(parse_ratio("1.5", &r), 0);
    cr_expect_float_eq(r, 1.5, 1e-9);
    cr_expect_eq(parse_ratio("2", &r), 0);
    cr_expect_float_eq(r, 2.0, 1e-9);
    cr_expect_eq(parse_ratio("1000000", &r), 0);
    cr_expect_eq(parse_ratio("1000000.1", &r), SPRAT_E_RANGE);
    cr_expect_eq(parse_ratio("nan", &r), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_ratio("1.", &r), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_ratio("1e5", &r), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_ratio("-1", &r), SPRAT_E_SYNTAX);
}

Test(parse, seconds)
{
    uint64_t s = 7;

    cr_expect_eq(parse_seconds("90", &s), 0);
    cr_expect_eq(s, 90);
    cr_expect_eq(parse_seconds("5s", &s), 0);
    cr_expect_eq(s, 5);
    cr_expect_eq(parse_seconds("10m", &s), 0);
    cr_expect_eq(s, 600);
    cr_expect_eq(parse_seconds("2h", &s), 0);
    cr_expect_eq(s, 7200);
    cr_expect_eq(parse_seconds("366d", &s), 0);
    cr_expect_eq(s, PARSE_SECONDS_MAX);
    cr_expect_eq(parse_seconds("367d", &s), SPRAT_E_RANGE);
    cr_expect_eq(parse_seconds("0", &s), SPRAT_E_RANGE);
    cr_expect_eq(parse_seconds("99999999999999999999", &s), SPRAT_E_RANGE);
    cr_expect_eq(parse_seconds("", &s), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_seconds("5 m", &s), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_seconds("5min", &s), SPRAT_E_SYNTAX);
    cr_expect_eq(parse_seconds("-5", &s), SPRAT_E_SYNTAX);
    cr_expect_eq(s, PARSE_SECONDS_MAX);
}

Test(parse, bools)
{
    bool b = false;

    cr_expect_eq(parse_bool("yes", &b), 0);
    cr_expect(b);
    cr_expect_eq(parse_bool("Off", &b), 0);
    cr_expect_not(b);
    cr_expect_eq(parse_bool("maybe", &b), SPRAT_E_SYNTAX);
    cr_expect_not(b);
}
