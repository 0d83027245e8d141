/* SPDX-License-Identifier: BSD-2-Clause
 *
 * No message breaks a line, or the JSON that it stands in.
 */
#include "common/sys/jsonlog.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

static char line[JSONLOG_MAX];

static json_t *
format(const char *message)
{
    size_t len = jsonlog_format(line, INT64_C(1795511103042), LOG_WARN, "prog", message);
    json_t *o = json_loadb(line, len, 0, NULL);

    cr_assert_eq(strlen(line), len);
    cr_assert_eq(line[len - 1], '\n');
    cr_assert_null(memchr(line, '\n', len - 1));
    cr_assert_not_null(o, "%s", line);
    return o;
}

static void
expect_message(const char *message, const char *want)
{
    json_t *o = format(message);

    cr_expect_str_eq(json_string_value(json_object_get(o, "message")), want);
    json_decref(o);
}

Test(jsonlog, parts)
{
    json_t *o = format("hello");

    cr_assert_str_eq(line, "{\"time\":\"2026-11-24T09:05:03.042Z\",\"level\":\"warning\","
                           "\"program\":\"prog\",\"message\":\"hello\"}\n");
    json_decref(o);
}

Test(jsonlog, messages)
{
    expect_message("", "");
    expect_message("a \"quoted\" \\ one", "a \"quoted\" \\ one");
    expect_message("line\nbreak\r\t\x01\x7f", "line\nbreak\r\t\x01\x7f");
    expect_message("\xc3\xa4 \xf0\x9f\x90\x9f", "\xc3\xa4 \xf0\x9f\x90\x9f");
    expect_message("\xff.\xc3", "\xef\xbf\xbd.\xef\xbf\xbd");
    expect_message("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

Test(jsonlog, the_longest)
{
    static char longest[2 * LOG_LINE_MAX];

    for (int byte = 1; byte < 256; byte++) {
        memset(longest, byte, sizeof(longest) - 1);
        json_decref(format(longest));
    }
}
