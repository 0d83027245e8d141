/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tables: alignment, widths, and the columns that are shortened or left out.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer/cli/table.h"
#include "peer/cli/text.h"

static const struct table_column columns[] = {
    {"ID", false, false, 1}, {"NAME", false, true, 0}, {"SIZE", true, false, 2},
    {"STATE", false, false, 0}};
static const char *const cells[] = {
    "1", "short", "5 B", "ok", "22", "a name that is much longer", "1.5 GiB", "seeding",
};

Test(table, at_its_natural_width)
{
    struct buf out;

    buf_init(&out, 100000);
    cr_assert_eq(table_print(&out, columns, 4, cells, 2, 200), 0);
    cr_expect_str_eq(buf_str(&out), "ID  NAME                           SIZE  STATE\n"
                                    "1   short                           5 B  ok\n"
                                    "22  a name that is much longer  1.5 GiB  seeding\n");
    buf_fini(&out);
}

Test(table, the_flexible_column_gives_way)
{
    struct buf out;

    buf_init(&out, 100000);
    cr_assert_eq(table_print(&out, columns, 4, cells, 2, 36), 0);
    cr_expect_str_eq(buf_str(&out), "ID  NAME               SIZE  STATE\n"
                                    "1   short               5 B  ok\n"
                                    "22  a name that i…  1.5 GiB  seeding\n");
    buf_fini(&out);
}

Test(table, lines_fit_every_width_that_can_be)
{
    for (unsigned width = 18; width < 100; width++) {
        struct buf out;
        char *line, *save = NULL;

        buf_init(&out, 100000);
        cr_assert_eq(table_print(&out, columns, 4, cells, 2, width), 0);
        buf_str(&out);
        for (line = strtok_r((char *)buf_data(&out), "\n", &save); line != NULL;
             line = strtok_r(NULL, "\n", &save))
            cr_expect_leq(text_width(line), width, "%u: %s", width, line);
        buf_fini(&out);
    }
}

Test(table, columns_are_left_out_by_rank)
{
    struct buf out;

    buf_init(&out, 100000);
    cr_assert_eq(table_print(&out, columns, 4, cells, 2, 24), 0);
    cr_expect_str_eq(buf_str(&out), "ID  NAME         STATE\n"
                                    "1   short        ok\n"
                                    "22  a name tha…  seeding\n");
    buf_fini(&out);
    buf_init(&out, 100000);
    cr_assert_eq(table_print(&out, columns, 4, cells, 2, 18), 0);
    cr_expect_str_eq(buf_str(&out), "NAME       STATE\n"
                                    "short      ok\n"
                                    "a name t…  seeding\n");
    buf_fini(&out);
}

Test(table, an_empty_one_is_its_header)
{
    struct buf out;

    buf_init(&out, 1000);
    cr_assert_eq(table_print(&out, columns, 4, NULL, 0, 80), 0);
    cr_expect_str_eq(buf_str(&out), "ID  NAME  SIZE  STATE\n");
    buf_fini(&out);
}

Test(table, hostile_texts)
{
    static const char *const bad[] = {"\033[2J", "a\nb\tc", "\xff\xff", "x"};
    struct buf out;

    buf_init(&out, 1000);
    cr_assert_eq(table_print(&out, columns, 4, bad, 1, 80), 0);
    cr_expect_null(strpbrk(buf_str(&out), "\033\t\xff"));
    cr_expect_eq(strchr(strchr(buf_str(&out), '\n') + 1, '\n')[1], '\0', "two lines");
    buf_fini(&out);
}
