/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Level names, records as one line of text, and the stderr sink. The caller chooses the sink.
 */
#include "common/base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/printable.h"
#include "common/base/utf8.h"

static const char *const level_names[] = {
#define X(name, text) text,
    LOG_LEVEL_TABLE(X)
#undef X
};

const char *
log_level_name(enum log_level level)
{
    return level_names[level];
}

bool
log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool
is_dropped(const struct log *log, enum log_level level)
{
    return log == NULL || log->write == NULL || level > log->level;
}

void
log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
    char message[LOG_LINE_MAX];
    struct log_record r = {.level = level, .message = message};
    va_list ap;

    if (is_dropped(log, level))
        return;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    log->write(log->ctx, &r);
}

/* ---- fields ---- */

static bool
is_name(const char *name)
{
    static const char *const reserved[] = {"time", "level", "program", "message"};
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(name, reserved[i]) == 0)
            return false;
    return len > 0 && len <= LOG_NAME_MAX && name[len] == '\0';
}

static bool
is_reason(const struct log_field *f)
{
    return strcmp(f->name, "reason") == 0;
}

static bool
is_new(const struct log_field *fields, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(fields[k].name, fields[i].name) == 0)
            return false;
    return true;
}

void
log_fields(const struct log *log, enum log_level level, const char *message,
           const struct log_field *fields, size_t count)
{
    struct log_record r = {.level = level, .message = message, .fields = fields, .count = count};

    ASSERT(count <= LOG_FIELDS_MAX);
    for (size_t i = 0; i < count; i++)
        ASSERT(is_name(fields[i].name) && is_new(fields, i) &&
               (!is_reason(&fields[i]) || i + 1 == count));
    if (!is_dropped(log, level))
        log->write(log->ctx, &r);
}

/* ---- as text ---- */

/* A line under construction; text that does not fit is dropped. */
struct line {
    char *at, *end; /* |end|: the last position for the NUL */
};

static void
put_char(struct line *l, char c)
{
    if (l->at < l->end)
        *l->at++ = c;
}

/* Appends the shown form of the first character of |text|, and returns the rest of |text|. */
static const char *
put_shown(struct line *l, const char *text)
{
    char shown[PRINTABLE_CHAR_MAX];
    const char *rest = text + printable_char(text, strnlen(text, UTF8_LEN_MAX), shown);
    size_t len = strlen(shown);

    if (len > (size_t)(l->end - l->at)) {
        l->end = l->at; /* nothing follows after a truncation */
        return rest;
    }
    memcpy(l->at, shown, len);
    l->at += len;
    return rest;
}

static void
put(struct line *l, const char *text)
{
    while (*text != '\0')
        text = put_shown(l, text);
}

static bool
needs_quotes(const char *value)
{
    if (*value == '\0')
        return true;
    while (*value != '\0') {
        uint32_t cp = 0;
        unsigned n = utf8_decode((const uint8_t *)value, strnlen(value, UTF8_LEN_MAX), &cp);

        if (n > 0 && (utf8_is_control(cp) || (n == 1 && strchr(" \"\\=", (char)cp) != NULL)))
            return true;
        value += n > 0 ? n : 1;
    }
    return false;
}

static void
put_value(struct line *l, const char *value)
{
    if (!needs_quotes(value)) {
        put(l, value);
        return;
    }
    put_char(l, '"');
    while (*value != '\0') {
        if (*value == '"' || *value == '\\')
            put_char(l, '\\');
        value = put_shown(l, value);
    }
    put_char(l, '"');
}

static void
put_field(struct line *l, const struct log_field *f)
{
    char number[24];

    if (is_reason(f) && f->text != NULL) {
        put(l, ": ");
        put(l, f->text);
        return;
    }
    put_char(l, ' ');
    put(l, f->name);
    put_char(l, '=');
    if (f->text != NULL) {
        put_value(l, f->text);
        return;
    }
    snprintf(number, sizeof(number), "%" PRIu64, f->number);
    put(l, number);
}

const char *
log_record_text(const struct log_record *r, char out[LOG_LINE_MAX])
{
    struct line l = {.at = out, .end = out + LOG_LINE_MAX - 1};

    put(&l, r->message);
    for (size_t i = 0; i < r->count; i++)
        put_field(&l, &r->fields[i]);
    *l.at = '\0';
    return out;
}

void
log_to_stderr(void *ctx, const struct log_record *r)
{
    char line[LOG_LINE_MAX];

    fprintf(stderr, "%s: %s: %s\n", (const char *)ctx, log_level_name(r->level),
            log_record_text(r, line));
}
