/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes log lines as JSON, one object per line, for programs that collect them:
 *
 *   {"time":"2026-11-24T09:05:03.042Z","level":"info","program":"sprat-tracker","message":"…"}
 *
 * with the fields of an event as further members after those four. For any content of a message or
 * field, the output is one line of valid JSON in valid UTF-8.
 */
#ifndef COMMON_SYS_JSONLOG_H
#define COMMON_SYS_JSONLOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/log.h"

/* A byte takes at most six bytes, as in \u0001; the rest is for the text around it: per field its
 * name, its punctuation and the digits of a number. */
enum { JSONLOG_MAX = 6 * LOG_LINE_MAX + LOG_FIELDS_MAX * (LOG_NAME_MAX + 26) + 512 };

/* Formats one line with its newline and a NUL, and returns its length without the NUL. |unix_ms|:
 * milliseconds since 1970. Message and texts are truncated to LOG_LINE_MAX bytes in total. */
size_t jsonlog_format(char out[JSONLOG_MAX], int64_t unix_ms, const char *program,
                      const struct log_record *r);

/* A sink for programs, as log_to_stderr(). Each line is one write(), so that the lines of several
 * threads don't mix. */
void log_to_stderr_as_json(void *ctx, const struct log_record *r);

#endif
