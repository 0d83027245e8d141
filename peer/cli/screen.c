/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The only writer of progress to standard output. Control sequences: CR, erase to the end of the
 * line, and auto-wrap off while a line is drawn, so that a terminal that just became narrower shows
 * no debris.
 */
#include "peer/cli/screen.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/printable.h"
#include "common/sys/terminal.h"
#include "peer/cli/complaint.h"

#define ERASE_LINE "\r\033[K"
#define WRAP_OFF   "\033[?7l"
#define WRAP_ON    "\033[?7h"

enum { SCREEN_SAY_MAX = 8192 };

static bool
is_terminal(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

void
screen_init(struct screen *s, bool json)
{
    *s = (struct screen){.mode = json ? SCREEN_JSON : is_terminal() ? SCREEN_TTY : SCREEN_PLAIN};
    s->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    s->next = (struct mono){INT64_MIN};
}

/* Whether this process is in the terminal's foreground: a background job must not draw over the
 * user's typing. Yes, if the terminal can't be asked. */
static bool
owns_terminal(void)
{
    pid_t foreground = tcgetpgrp(STDOUT_FILENO);

    return foreground < 0 || foreground == getpgrp();
}

/* Lines for people are not printed. */
static bool
says_nothing(const struct screen *s)
{
    return s->mode == SCREEN_JSON || s->mode == SCREEN_QUIET;
}

static void
flush(struct screen *s)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        s->broken = true;
}

void
screen_clear(struct screen *s)
{
    if (!s->drawn)
        return;
    fputs(ERASE_LINE, stdout);
    s->drawn = false;
    flush(s);
}

void
screen_hurry(struct screen *s)
{
    s->next = (struct mono){INT64_MIN};
}

void
screen_progress(struct screen *s, const struct progress *p, struct mono now)
{
    char line[PROGRESS_LINE_MAX];

    if (says_nothing(s) || !mono_due(s->next, now))
        return;
    if (s->mode == SCREEN_TTY) {
        s->next = mono_add_ms(now, SCREEN_REFRESH_MS);
        if (!owns_terminal())
            return;
        /* The last column stays empty, because some terminals wrap when it is written. */
        printf("\r" WRAP_OFF "%s\033[K" WRAP_ON,
               progress_line(p, terminal_columns() - 1, s->utf8, line));
        s->drawn = true;
    } else {
        s->next = mono_add_ms(now, SCREEN_PLAIN_MS);
        progress_plain(p, line);
        if (strcmp(line, s->last) == 0)
            return;
        strcpy(s->last, line);
        printf("%s\n", line);
    }
    flush(s);
}

void
screen_say(struct screen *s, const char *fmt, ...)
{
    char text[SCREEN_SAY_MAX], shown[SCREEN_SAY_MAX];
    va_list ap;

    if (says_nothing(s))
        return;
    screen_clear(s);
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    printf("%s\n", printable(text, shown, sizeof(shown)));
    flush(s);
}

void
screen_warn(struct screen *s, const char *fmt, ...)
{
    char text[ERRBUF_SIZE];
    va_list ap;

    screen_clear(s);
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    complaint_warning(text);
}

void
screen_fail(struct screen *s, int status, const char *fmt, ...)
{
    char text[ERRBUF_SIZE];
    va_list ap;

    screen_clear(s);
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    complaint_error(status, text);
}

void
screen_event(struct screen *s, const char *event, json_t *members, struct mono now)
{
    json_t *o;
    char *text;

    if (s->mode == SCREEN_JSON) {
        o = json_pack("{s:s, s:f}", "event", event, "time", (double)(now.us / 1000) / 1000.0);
        if (o != NULL && members != NULL)
            json_object_update(o, members);
        text = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
        if (text != NULL) {
            printable_json(stdout, text, strlen(text));
            putchar('\n');
        }
        free(text);
        json_decref(o);
        flush(s);
    }
    json_decref(members);
}
