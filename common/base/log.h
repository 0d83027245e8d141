/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines with levels, through a sink that the program's main provides. There is no global log:
 * whoever logs was given a struct log.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdbool.h>

/*  X(name, text) from the most to the least important */
#define LOG_LEVEL_TABLE(X)                                                                         \
    X(ERROR, "error")                                                                              \
    X(WARN, "warning")                                                                             \
    X(INFO, "info")                                                                                \
    X(DEBUG, "debug")

enum log_level {
#define X(name, text) LOG_##name,
    LOG_LEVEL_TABLE(X)
#undef X
};

#define LOG_LINE_MAX 1024

struct log {
    enum log_level level;                                       /* lines above it are dropped */
    void (*write)(void *ctx, enum log_level level, const char *line); /* |line| has no newline */
    void *ctx;
};

const char *log_level_name(enum log_level level);

/* Finds the level called |name|; false if there is none. */
bool log_level_parse(const char *name, enum log_level *level);

/* Formats and hands on one line; cut at LOG_LINE_MAX, control characters replaced by '?'.
 * A NULL |log| drops it. */
void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(log, ...) log_line(log, LOG_ERROR, __VA_ARGS__)
#define log_warn(log, ...)  log_line(log, LOG_WARN, __VA_ARGS__)
#define log_info(log, ...)  log_line(log, LOG_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_line(log, LOG_DEBUG, __VA_ARGS__)

/* A sink for mains: "level: line" on stderr; |ctx| is the program's name. */
void log_to_stderr(void *ctx, enum log_level level, const char *line);

#endif
