/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Level names, formatting of one line and the stderr sink. Where lines go is the caller's choice.
 */
#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

void
log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
    char line[LOG_LINE_MAX];
    va_list ap;

    if (log == NULL || log->write == NULL || level > log->level)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    log->write(log->ctx, level, line);
}

void
log_to_stderr(void *ctx, enum log_level level, const char *line)
{
    fprintf(stderr, "%s: %s: %s\n", (const char *)ctx, log_level_name(level), line);
}
