/* SPDX-License-Identifier: BSD-2-Clause
 *
 * No message and no field breaks a line, or the JSON that it stands in.
 */
#include "common/sys/jsonlog.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

static char line[JSONLOG_MAX];

static json_t *
format_record(const struct log_record *r)
{
    size_t len = jsonlog_format(line, INT64_C(1795511103042), "prog", r);
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

    cr_assert_eq(strlen(line), len);
    cr_assert_eq(line[len - 1], '\n');
    cr_assert_null(memchr(line, '\n', len - 1));
    cr_assert_not_null(o, "%s", line);
    return o;
}

static json_t *
format(const char *message)
{
    return format_record(&(struct log_record){.level = LOG_WARN, .message = message});
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

Test(jsonlog, fields)
{
    const struct log_field fields[] = {
        log_text("user", "a \"b\"\n\\ \xff\xc3\xa4"),
        log_number("sessions", UINT32_MAX),
        log_text("none", ""),
        log_reason("level\":\"error"),
    };
    const struct log_record r = {.level = LOG_INFO, .message = "m", .fields = fields, .count = 4};
    json_t *o = format_record(&r);

    cr_assert_eq(json_object_size(o), 4 + 4);
    cr_expect_str_eq(json_string_value(json_object_get(o, "user")),
                     "a \"b\"\n\\ \xef\xbf\xbd\xc3\xa4");
    cr_expect_eq(json_integer_value(json_object_get(o, "sessions")), UINT32_MAX);
    cr_expect_str_eq(json_string_value(json_object_get(o, "none")), "");
    cr_expect_str_eq(json_string_value(json_object_get(o, "reason")), "level\":\"error");
    cr_expect_str_eq(json_string_value(json_object_get(o, "level")), "info");
    json_decref(o);
}

/* As many and as long as can be, of bytes that take the most room. */
Test(jsonlog, the_longest_fields)
{
    static char text[2 * LOG_LINE_MAX];
    struct log_field fields[LOG_FIELDS_MAX];
    char names[LOG_FIELDS_MAX][LOG_NAME_MAX + 1];
    struct log_record r = {.message = text, .fields = fields, .count = LOG_FIELDS_MAX};

    for (int byte = 1; byte < 256; byte++) {
        for (size_t texts = 0; texts <= LOG_FIELDS_MAX; texts++) {
            memset(text, byte, LOG_LINE_MAX / 2);
            for (size_t i = 0; i < LOG_FIELDS_MAX; i++) {
                memset(names[i], 'a' + (int)i, LOG_NAME_MAX);
                names[i][LOG_NAME_MAX] = '\0';
                fields[i] =
                    i < texts ? log_text(names[i], text) : log_number(names[i], UINT64_MAX / 2);
            }
            json_decref(format_record(&r));
        }
    }
}

Test(jsonlog, the_longest)
{
    static char longest[2 * LOG_LINE_MAX];

    for (int byte = 1; byte < 256; byte++) {
        memset(longest, byte, sizeof(longest) - 1);
        json_decref(format(longest));
    }
}
