/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines: levels, bounds, and what reaches the sink.
 */
#include "common/base/log.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct sink {
    char line[LOG_LINE_MAX + 100];
    enum log_level level;
    int count;
};

static void
keep(void *ctx, const struct log_record *r)
{
    struct sink *s = ctx;

    log_record_text(r, s->line);
    s->level = r->level;
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
    cr_assert_str_eq(s.line, "a\\r\\nforged: line\\x1b[2J");
    memset(large, 'x', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    log_info(&log, "%s", large);
    cr_assert_eq(strlen(s.line), LOG_LINE_MAX - 1);
}

Test(log, fields)
{
    struct sink s = {.count = 0};
    struct log log = {.level = LOG_INFO, .write = keep, .ctx = &s};

    log_event(&log, LOG_WARN, "it waits", log_number("sessions", UINT64_MAX),
              log_text("file", "/a/b"), log_reason("disk full: \"yes\""));
    cr_assert_str_eq(s.line,
                     "it waits sessions=18446744073709551615 file=/a/b: disk full: \"yes\"");
    cr_assert_eq(s.level, LOG_WARN);
    log_event(&log, LOG_DEBUG, "not this", log_number("n", 1));
    log_event(NULL, LOG_ERROR, "nor this", log_number("n", 1));
    cr_assert_eq(s.count, 1);
}

Test(log, no_value_looks_like_a_field)
{
    static const char *const values[][2] = {
        {"", "\"\""},
        {"plain", "plain"},
        {"\xc3\xa4\xff", "\xc3\xa4\xef\xbf\xbd"},
        {"\xc2\x9b" "2J", "\"\\u009b2J\""},
        {"a b", "\"a b\""},
        {"a level=error", "\"a level=error\""},
        {"x=y", "\"x=y\""},
        {"\"", "\"\\\"\""},
        {"\\\" user=root", "\"\\\\\\\" user=root\""},
        {"a\nforged: line\x7f", "\"a\\nforged: line\\x7f\""},
    };
    struct sink s = {.count = 0};
    struct log log = {.level = LOG_INFO, .write = keep, .ctx = &s};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char want[100];

        snprintf(want, sizeof(want), "m user=%s n=1", values[i][1]);
        log_event(&log, LOG_INFO, "m", log_text("user", values[i][0]), log_number("n", 1));
        cr_expect_str_eq(s.line, want);
    }
}

Test(log, fields_are_cut_at_the_end_of_the_line)
{
    char large[2 * LOG_LINE_MAX];
    struct sink s = {.count = 0};
    struct log log = {.level = LOG_INFO, .write = keep, .ctx = &s};

    memset(large, '"', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    log_event(&log, LOG_INFO, "m", log_text("a", large), log_number("b", 1));
    cr_assert_eq(strlen(s.line), LOG_LINE_MAX - 1);
}

/* Names are ours, so a bad one is our bug. */
#define NO_NAME(test, ...)                                                                         \
    Test(log, test, .signal = SIGABRT)                                                             \
    {                                                                                              \
        struct log log = {.level = LOG_ERROR};                                                     \
                                                                                                   \
        log_event(&log, LOG_INFO, "m", __VA_ARGS__);                                               \
    }

NO_NAME(a_name_of_the_sink, log_text("level", "x"))
NO_NAME(a_name_twice, log_number("n", 1), log_number("m", 2), log_number("n", 3))
NO_NAME(no_name, log_number("", 1))
NO_NAME(a_name_with_a_space, log_number("a b", 1))
NO_NAME(a_name_too_long, log_number("abcdefghijklmnopqrstuvwxyzabcdefg", 1))
NO_NAME(a_reason_before_the_end, log_reason("x"), log_number("n", 1))

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
