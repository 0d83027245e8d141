/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines with levels, through a sink that the program's main provides. There is no global log:
 * code that logs is given a struct log.
 *
 * A line that an operator may search for is an event: a constant message, and fields with the
 * values that vary.
 *
 *   log_event(log, LOG_ERROR, "the accounts wait", log_number("sessions", 12),
 *             log_reason(eb.text));
 *
 * is "the accounts wait sessions=12: the disk is full" as text; a sink for programs keeps the
 * fields separate. Nothing is allocated.
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
    LOG_LINE_MAX = 1024, /* bytes of a line as text, including the NUL */
    LOG_FIELDS_MAX = 12,
    LOG_NAME_MAX = 32, /* bytes of a field's name */
};

/* One field: a name (of a to z, 0 to 9 and _) and its value; both are borrowed for the call. */
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

/* The reason of the event, a sentence. It must be the last field, since the text form prints it as
 * it is, after a colon. */
static inline struct log_field
log_reason(const char *text)
{
    return log_text("reason", text);
}

/* One record for a sink; valid during the call. */
struct log_record {
    enum log_level level;
    const char *message;
    const struct log_field *fields;
    size_t count;
};

/* Borrowed by all that log, and never copied: a program may change |level| and |write| while its
 * threads log. */
struct log {
    _Atomic(enum log_level) level; /* less important lines are dropped */
    void (*_Atomic write)(void *ctx, const struct log_record *r);
    void *ctx;
};

const char *log_level_name(enum log_level level);

/* Finds the level with the name |name|; false if there is none. */
bool log_level_parse(const char *name, enum log_level *level);

/* Formats one message and passes it to the sink; truncated at LOG_LINE_MAX. A NULL |log| drops it.
 */
void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(log, ...) log_line(log, LOG_ERROR, __VA_ARGS__)
#define log_warn(log, ...)  log_line(log, LOG_WARN, __VA_ARGS__)
#define log_info(log, ...)  log_line(log, LOG_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_line(log, LOG_DEBUG, __VA_ARGS__)

/* Passes a message with at least one field to the sink; usually called through log_event(). Invalid
 * names, names used twice, and names that sinks reserve (time, level, program, message) are
 * asserted against. */
void log_fields(const struct log *log, enum log_level level, const char *message,
                const struct log_field *fields, size_t count);

#define log_event(log, level, message, ...)                                                        \
    log_fields(log, level, message, (const struct log_field[]){__VA_ARGS__},                       \
               sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* Writes the record as one line: "message name=value name=\"a value\": reason". Values are quoted
 * where necessary, so that no value looks like a field. The line is printable (printable.h) and
 * truncated to the size of |out|. Returns |out|. */
const char *log_record_text(const struct log_record *r, char out[LOG_LINE_MAX]);

/* A sink for programs: writes "program: level: line" to stderr; |ctx| is the program's name. */
void log_to_stderr(void *ctx, const struct log_record *r);

#endif
