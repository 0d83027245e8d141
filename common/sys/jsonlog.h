/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines as JSON, an object a line, for programs that collect them:
 *
 *   {"time":"2026-11-24T09:05:03.042Z","level":"info","program":"sprat-tracker","message":"…"}
 *
 * Whatever a message holds, a line is one line and valid JSON in valid UTF-8.
 */
#ifndef COMMON_SYS_JSONLOG_H
#define COMMON_SYS_JSONLOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/log.h"

/* A byte takes at most six, as \u0001 does; and room for what stands around it. */
enum { JSONLOG_MAX = 6 * LOG_LINE_MAX + 512 };

/* Formats one line with its newline and a NUL, and returns its length without that. |unix_ms|:
 * milliseconds since 1970. What is longer than LOG_LINE_MAX is cut. */
size_t jsonlog_format(char out[JSONLOG_MAX], int64_t unix_ms, enum log_level level,
                      const char *program, const char *message);

/* A sink for mains, as log_to_stderr(). A line is one write(), so that those of threads don't mix.
 */
void log_to_stderr_as_json(void *ctx, enum log_level level, const char *line);

#endif
