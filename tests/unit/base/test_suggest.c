/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Edit distance, and which names are near enough to be suggested.
 */
#include <criterion/criterion.h>

#include "common/base/suggest.h"

Test(suggest, distance)
{
    cr_expect_eq(suggest_distance("", ""), 0);
    cr_expect_eq(suggest_distance("abc", ""), 3);
    cr_expect_eq(suggest_distance("", "abc"), 3);
    cr_expect_eq(suggest_distance("kitten", "sitting"), 3);
    cr_expect_eq(suggest_distance("listen", "lisetn"), 1, "a swap of neighbours is one step");
    cr_expect_eq(suggest_distance("SEED", "seed"), 0);
}

Test(suggest, overlong_words_are_far)
{
    char longest[SUGGEST_WORD_MAX + 1], longer[SUGGEST_WORD_MAX + 2];

    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    cr_expect_eq(suggest_distance(longest, longest), 0);
    cr_expect_eq(suggest_distance(longest, "b"), SUGGEST_WORD_MAX);
    cr_expect_eq(suggest_distance(longer, longer), SUGGEST_WORD_MAX + 1);
    const char *names[] = {longer};
    cr_expect_null(suggest_nearest(longer, names, 1));
}

Test(suggest, nearest)
{
    const char *names[] = {"create", "show", "verify", "seed", NULL, "get", "--piece-length"};
    const size_t n = sizeof(names) / sizeof(names[0]);

    cr_expect_str_eq(suggest_nearest("crate", names, n), "create");
    cr_expect_str_eq(suggest_nearest("veryfi", names, n), "verify");
    cr_expect_str_eq(suggest_nearest("sede", names, n), "seed");
    cr_expect_str_eq(suggest_nearest("gte", names, n), "get");
    cr_expect_str_eq(suggest_nearest("--peice-lenght", names, n), "--piece-length");
    cr_expect_str_eq(suggest_nearest("--piece", names, n), "--piece-length");
}

Test(suggest, nothing_near)
{
    const char *names[] = {"create", "ls", "rm"};

    cr_expect_null(suggest_nearest("frobnicate", names, 3));
    cr_expect_null(suggest_nearest("", names, 3));
    cr_expect_null(suggest_nearest("x", names, 3));
    cr_expect_null(suggest_nearest("xy", names, 3));
    cr_expect_null(suggest_nearest("create", names, 0));
}

Test(suggest, first_of_equals)
{
    const char *names[] = {"seek", "seem"};

    cr_expect_str_eq(suggest_nearest("seen", names, 2), "seek");
}
