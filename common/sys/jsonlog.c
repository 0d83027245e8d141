/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Formats JSON by hand into a fixed buffer: a line that reports that memory is out can't allocate.
 */
#include "common/sys/jsonlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/utf8.h"

/* Appends |text| as a JSON string. Bytes that are no UTF-8 become U+FFFD. |*left| is the number of
 * bytes of text that the line may still have; the rest is dropped. */
static char *
put_string(char *p, const char *text, size_t *left)
{
    size_t len = strnlen(text, *left);

    *left -= len;
    *p++ = '"';
    while (len > 0) {
        uint32_t cp;
        unsigned used = utf8_decode((const uint8_t *)text, len, &cp);

        if (used == 0) {
            p += sprintf(p, "\\ufffd");
            used = 1;
        } else if (cp == '"' || cp == '\\') {
            *p++ = '\\';
            *p++ = (char)cp;
        } else if (cp <= 0xffff && utf8_is_control(cp)) {
            p += sprintf(p, "\\u%04x", (unsigned)cp);
        } else {
            memcpy(p, text, used);
            p += used;
        }
        text += used;
        len -= used;
    }
    *p++ = '"';
    return p;
}

static char *
put_field(char *p, const struct log_field *f, size_t *left)
{
    p += sprintf(p, ",\"%s\":", f->name);
    if (f->text != NULL)
        return put_string(p, f->text, left);
    return p + sprintf(p, "%" PRIu64, f->number);
}

static char *
put_time(char *p, int64_t unix_ms)
{
    time_t s = (time_t)(unix_ms / 1000);
    struct tm tm;

    if (gmtime_r(&s, &tm) == NULL)
        memset(&tm, 0, sizeof(tm));
    p += strftime(p, 64, "%Y-%m-%dT%H:%M:%S", &tm);
    return p + sprintf(p, ".%03dZ", (int)(unix_ms % 1000));
}

size_t
jsonlog_format(char out[JSONLOG_MAX], int64_t unix_ms, const char *program,
               const struct log_record *r)
{
    size_t left = LOG_LINE_MAX;
    char *p = out;

    p += sprintf(p, "{\"time\":\"");
    p = put_time(p, unix_ms);
    p += sprintf(p,
                 "\",\"level\":\"%s\",\"program\":\"%.64s\",\"message\":", log_level_name(r->level),
                 program);
    p = put_string(p, r->message, &left);
    for (size_t i = 0; i < r->count; i++)
        p = put_field(p, &r->fields[i], &left);
    p += sprintf(p, "}\n");
    return (size_t)(p - out);
}

void
log_to_stderr_as_json(void *ctx, const struct log_record *r)
{
    char out[JSONLOG_MAX];
    struct timespec ts;
    size_t len;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    len = jsonlog_format(out, (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000, ctx, r);
    /* A log that can't be written can't report that. */
    if (write(STDERR_FILENO, out, len) < 0)
        return;
}
