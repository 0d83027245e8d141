/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The screen: standard output as commands use it, with one refreshed line on a terminal, plain
 * lines elsewhere, or JSON lines on request. Each line is flushed at once; |broken| remembers that
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
    bool drawn;                   /* a progress line stands on the terminal */
    bool broken;                  /* writes to stdout fail */
    struct mono next;             /* the earliest time of the next progress line */
    char last[PROGRESS_LINE_MAX]; /* the plain line that was printed last */
};

void screen_init(struct screen *s, bool json);

/* Shows |p|, if the next progress line is due. No effect in JSON and QUIET mode. */
void screen_progress(struct screen *s, const struct progress *p, struct mono now);

/* Makes the next screen_progress() show its line at once. */
void screen_hurry(struct screen *s);

/* Erases the progress line. */
void screen_clear(struct screen *s);

/* Prints a permanent line. No effect in JSON and QUIET mode. */
void screen_say(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints a line to standard error, in every mode: a warning, or the error that makes the program
 * end with |status|. The progress line is erased first. */
void screen_warn(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void screen_fail(struct screen *s, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints a JSON event: |members| (its reference is taken; may be NULL when memory was out) behind
 * `event` and `time`. No effect in other modes. */
void screen_event(struct screen *s, const char *event, json_t *members, struct mono now);

#endif
