/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Scores as numbers and as Redis prints them.
 */
#include "tracker/core/cluster_wire.h"

#include <criterion/criterion.h>
#include <string.h>

Test(cluster_wire, a_score_is_exact_in_a_double)
{
    const struct cluster_seen cases[] = {
        {0, 0, false}, {1700000000, 0x7ffff, true}, {UINT32_MAX, 0x7ffff, true}, {1, 1, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t score = cluster_score(&cases[i]);
        volatile double stored = (double)score;
        struct cluster_seen back = cluster_score_read((uint64_t)stored);

        cr_assert_eq((uint64_t)stored, score);
        cr_assert_eq(back.unix_s, cases[i].unix_s);
        cr_assert_eq(back.tag, cases[i].tag);
        cr_assert_eq(back.paused, cases[i].paused);
    }
    cr_assert_lt(cluster_score(&(struct cluster_seen){5, 0x7ffff, true}),
                 cluster_score(&(struct cluster_seen){6, 0, false}), "time counts most");
}

static bool
parse(const char *text, uint64_t *score)
{
    return cluster_score_parse((const uint8_t *)text, strlen(text), score);
}

Test(cluster_wire, scores_as_redis_prints_them)
{
    static const struct {
        const char *text;
        uint64_t score;
    } cases[] = {{"0", 0},
                 {"1782579200000001", 1782579200000001},
                 {"1.7825792e+15", 1782579200000000},
                 {"1.7825792e15", 1782579200000000},
                 {"12.0e1", 120},
                 {"9007199254740991", 9007199254740991},
                 {"5e3", 5000}};
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      "1.5",
                                      "1e",
                                      "1e-3",
                                      "0x10",
                                      "inf",
                                      "nan",
                                      " 1",
                                      "1 ",
                                      "1e100",
                                      "1e+",
                                      "e5",
                                      "1..0",
                                      "1.25e1",
                                      "1e5x",
                                      "9007199254740992",
                                      "99999999999999999999999999",
                                      "1e20"};
    uint64_t score;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(parse(cases[i].text, &score), "%s", cases[i].text);
        cr_assert_eq(score, cases[i].score, "%s", cases[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(parse(bad[i], &score), "%s", bad[i]);
}
