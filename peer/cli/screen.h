/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The screen: standard output as commands use it, with refreshed lines on a terminal, plain lines
 * elsewhere, or JSON lines on request. Each line is flushed at once; |broken| remembers that
 * the reader has closed the output.
 */
#ifndef PEER_CLI_SCREEN_H
#define PEER_CLI_SCREEN_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/mono.h"
#include "peer/cli/progress.h"

enum {
    SCREEN_PLAIN_MS = 5000,  /* between plain progress lines */
    SCREEN_REFRESH_MS = 200, /* between draws of the refreshed line */
};

/* QUIET: nothing goes to standard output. */
enum screen_mode { SCREEN_TTY, SCREEN_PLAIN, SCREEN_JSON, SCREEN_QUIET };

/* The screen, embedded; users may read |mode| and |broken|. */
struct screen {
    enum screen_mode mode;
    bool utf8;
    unsigned drawn;               /* refreshed lines that stand on the terminal */
    bool broken;                  /* writes to stdout fail */
    struct mono next;             /* the earliest time of the next progress line */
    char last[PROGRESS_LINE_MAX]; /* the plain progress line that was printed last */
};

void screen_init(struct screen *s, bool json);

/* Shows |p|, if the next progress line is due. No effect in JSON and QUIET mode. True: the line was
 * due and was shown. */
bool screen_progress(struct screen *s, const struct progress *p, struct mono now);

/* After screen_progress() returned true: shows the lines of |text|, each of which ends with a
 * newline, below the progress line. On a terminal they are refreshed with it, and those that the
 * terminal has no room for are left out. */
void screen_below(struct screen *s, const char *text);

/* Makes the next screen_progress() show its line at once. */
void screen_hurry(struct screen *s);

/* Erases the refreshed lines. */
void screen_clear(struct screen *s);

/* Prints a permanent line. No effect in JSON and QUIET mode. */
void screen_say(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints |line|, of any length and printable, in the same way. */
void screen_put(struct screen *s, const char *line);

/* Prints a line to standard error, in every mode: a warning, or the error that makes the program
 * end with |status|. The progress line is erased first. */
void screen_warn(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void screen_fail(struct screen *s, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints a JSON event: |members| (its reference is taken; may be NULL when memory was out) behind
 * `event` and `time`. No effect in other modes. */
void screen_event(struct screen *s, const char *event, json_t *members, struct mono now);

#endif
