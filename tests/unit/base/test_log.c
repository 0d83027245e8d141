/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines: levels, bounds, and what reaches the sink.
 */
#include "common/base/log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct sink {
    char line[LOG_LINE_MAX + 100];
    enum log_level level;
    int count;
};

static void
keep(void *ctx, enum log_level level, const char *line)
{
    struct sink *s = ctx;

    snprintf(s->line, sizeof(s->line), "%s", line);
    s->level = level;
    s->count++;
}

Test(log, lines_above_the_level_are_dropped)
{
    struct sink s = {.count = 0};
    struct log log = {.level = LOG_WARN, .write = keep, .ctx = &s};

    log_info(&log, "no");
    log_debug(&log, "no");
    cr_assert_eq(s.count, 0);
    log_warn(&log, "yes %d", 5);
    cr_assert_eq(s.count, 1);
    cr_assert_eq(s.level, LOG_WARN);
    cr_assert_str_eq(s.line, "yes 5");
    log_error(&log, "yes");
    cr_assert_eq(s.level, LOG_ERROR);
}

Test(log, nobody_listens)
{
    struct log log = {.level = LOG_DEBUG};

    log_error(NULL, "x");
    log_error(&log, "x");
}

Test(log, a_line_is_one_line_and_bounded)
{
    char large[2 * LOG_LINE_MAX];
    struct sink s = {.count = 0};
    struct log log = {.level = LOG_INFO, .write = keep, .ctx = &s};

    log_info(&log, "a\r\nforged: line\x1b[2J");
    cr_assert_str_eq(s.line, "a??forged: line?[2J");
    memset(large, 'x', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    log_info(&log, "%s", large);
    cr_assert_eq(strlen(s.line), LOG_LINE_MAX - 1);
}

Test(log, level_names)
{
    enum log_level level = LOG_ERROR;

    cr_assert_str_eq(log_level_name(LOG_WARN), "warning");
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        cr_assert(log_level_parse(log_level_name((enum log_level)i), &level));
        cr_assert_eq((int)level, i);
    }
    cr_assert_not(log_level_parse("loud", &level));
    cr_assert_not(log_level_parse("", &level));
}
