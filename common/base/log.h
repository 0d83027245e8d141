/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines with levels, through a sink that the program's main provides. There is no global log:
 * whoever logs was given a struct log.
 *
 * What an operator may want to find again is an event: a message that is always the same, and
 * fields with what differs.
 *
 *   log_event(log, LOG_ERROR, "the accounts wait", log_number("sessions", 12),
 * log_reason(eb.text));
 *
 * is "the accounts wait sessions=12: the disk is full" as text; a sink for programs keeps the
 * fields apart. Nothing is allocated.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

enum {
    LOG_LINE_MAX = 1024, /* bytes of a line as text, with the NUL */
    LOG_FIELDS_MAX = 12,
    LOG_NAME_MAX = 32, /* bytes of a field's name */
};

/* A name, of a to z, 0 to 9 and _, and what it has; both are borrowed for the call. */
struct log_field {
    const char *name;
    const char *text; /* any bytes; NULL for a number */
    uint64_t number;
};

static inline struct log_field
log_text(const char *name, const char *text)
{
    return (struct log_field){.name = name, .text = text};
}

static inline struct log_field
log_number(const char *name, uint64_t number)
{
    return (struct log_field){.name = name, .number = number};
}

/* The sentence that says why. It comes last, since as text it stands as it is, behind a colon. */
static inline struct log_field
log_reason(const char *text)
{
    return log_text("reason", text);
}

/* What a sink is given, for the time of the call. */
struct log_record {
    enum log_level level;
    const char *message;
    const struct log_field *fields;
    size_t count;
};

struct log {
    enum log_level level; /* lines above it are dropped */
    void (*write)(void *ctx, const struct log_record *r);
    void *ctx;
};

const char *log_level_name(enum log_level level);

/* Finds the level called |name|; false if there is none. */
bool log_level_parse(const char *name, enum log_level *level);

/* Formats and hands on one message; cut at LOG_LINE_MAX. A NULL |log| drops it. */
void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(log, ...) log_line(log, LOG_ERROR, __VA_ARGS__)
#define log_warn(log, ...)  log_line(log, LOG_WARN, __VA_ARGS__)
#define log_info(log, ...)  log_line(log, LOG_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_line(log, LOG_DEBUG, __VA_ARGS__)

/* Hands on a message with at least one field; better by log_event(). Names that are no names, that
 * stand there twice or that a sink has for itself (time, level, program, message) are bugs. */
void log_fields(const struct log *log, enum log_level level, const char *message,
                const struct log_field *fields, size_t count);

#define log_event(log, level, message, ...)                                                        \
    log_fields(log, level, message, (const struct log_field[]){__VA_ARGS__},                       \
               sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* The record as one line: "message name=value name=\"a value\": reason". Values are in quotes where
 * they have to be, so that none looks like a field; all of it is printable (printable.h); what is
 * longer is cut. Returns |out|. */
const char *log_record_text(const struct log_record *r, char out[LOG_LINE_MAX]);

/* A sink for mains: "program: level: line" on stderr; |ctx| is the program's name. */
void log_to_stderr(void *ctx, const struct log_record *r);

#endif
