/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every setting says whether a reload puts it to use.
 */
#include "tracker/daemon/restart.h"

#include <criterion/criterion.h>
#include <string.h>

static void
read_words(struct settings *s, int argc, const char *const *argv)
{
    enum settings_action action;
    struct errbuf eb = {""};

    cr_assert_eq(settings_read(s, argc, argv, &action, &eb), 0, "%s", eb.text);
}

#define READ(s, ...)                                                                               \
    read_words(s, (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)),              \
               (const char *const[]){__VA_ARGS__})

Test(restart, every_setting_has_its_row)
{
    enum restart_when when;
    const struct setting *s;
    size_t i;

    for (i = 0; (s = settings_row(i)) != NULL; i++)
        cr_expect_eq(restart_when(s->name, &when), 0, "%s is not in RESTART_TABLE", s->name);
    cr_assert_gt(i, 30);
    cr_assert_eq(restart_when("nothing", &when), SPRAT_E_NOTFOUND);
}

Test(restart, what_needs_one_is_named_and_stays)
{
    static struct settings in_use, s;
    char names[RESTART_NAMES_MAX];

    READ(&in_use, "--state-file", "a-long-name", "--workers", "2", "--interval", "60");
    READ(&s, "--state-file", "another-long-name", "--state-file", "b", "--workers", "3",
         "--interval", "70", "--cluster-name", "x:");
    restart_hold(&in_use, &s, names);
    cr_assert_str_eq(names, "state-file, cluster-name, workers");
    cr_assert_str_eq(s.state_file, "a-long-name");
    cr_assert_str_eq(s.cluster_name, "sprat:");
    cr_assert_eq(s.workers, 2);
    cr_assert_eq(s.tracker.interval, 70);
    READ(&s, "--state-file", "a-much-longer-name", "--state-file", "a-long-name", "--workers", "2");
    restart_hold(&in_use, &s, names);
    cr_assert_str_eq(names, "", "a text is what it is, whatever was there before");
}
