/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Standard output as commands use it: one refreshed line on a terminal, plain lines elsewhere, JSON
 * lines on request. What is written is flushed at once; a reader that went away is remembered.
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

enum screen_mode { SCREEN_TTY, SCREEN_PLAIN, SCREEN_JSON };

/* Embedded; read |mode| and |broken|. */
struct screen {
    enum screen_mode mode;
    bool utf8;
    bool drawn;                   /* a progress line stands on the terminal */
    bool broken;                  /* stdout can't be written to any more */
    struct mono next;             /* no progress line before that */
    char last[PROGRESS_LINE_MAX]; /* the plain line that was printed last */
};

void screen_init(struct screen *s, bool json);

/* Columns of the terminal now: $COLUMNS, what the terminal says, or 80. */
unsigned screen_columns(void);

/* Shows |p|, if it is time. No effect in JSON mode. */
void screen_progress(struct screen *s, const struct progress *p, struct mono now);

/* The next screen_progress() shows its line whatever the time is. */
void screen_hurry(struct screen *s);

/* Takes the progress line off the terminal. */
void screen_clear(struct screen *s);

/* One line that stays. Not in JSON mode. */
void screen_say(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One line to standard error, in every mode: a warning, or the error that makes the program end
 * with |status|. The progress line is erased first. */
void screen_warn(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void screen_fail(struct screen *s, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One JSON event: |members| (its reference is taken; may be NULL when memory was out) with `event`
 * and `time` put before. No effect in other modes. */
void screen_event(struct screen *s, const char *event, json_t *members, struct mono now);

#endif
