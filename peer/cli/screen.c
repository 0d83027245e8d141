/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The only writer of progress to standard output. Control sequences: CR, erase to the end of the
 * line or of the screen, cursor up, and auto-wrap off while a line is drawn, so that a terminal
 * that just became narrower shows no debris.
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
#define ERASE_REST "\033[J"
#define UP         "\033[%uA"
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

/* Moves the cursor to the first of the refreshed lines. */
static void
go_to_top(const struct screen *s)
{
    if (s->drawn > 1)
        printf(UP, s->drawn - 1);
}

void
screen_clear(struct screen *s)
{
    if (s->drawn == 0)
        return;
    go_to_top(s);
    fputs(s->drawn > 1 ? "\r" ERASE_REST : ERASE_LINE, stdout);
    s->drawn = 0;
    flush(s);
}

void
screen_hurry(struct screen *s)
{
    s->next = (struct mono){INT64_MIN};
}

bool
screen_progress(struct screen *s, const struct progress *p, struct mono now)
{
    char line[PROGRESS_LINE_MAX];

    if (says_nothing(s) || !mono_due(s->next, now))
        return false;
    if (s->mode == SCREEN_TTY) {
        s->next = mono_add_ms(now, SCREEN_REFRESH_MS);
        if (!owns_terminal())
            return false;
        go_to_top(s);
        /* The last column stays empty, because some terminals wrap when it is written. */
        printf("\r" WRAP_OFF "%s\033[K" WRAP_ON,
               progress_line(p, terminal_columns() - 1, s->utf8, line));
        if (s->drawn > 1)
            fputs(ERASE_REST, stdout);
        s->drawn = 1;
    } else {
        s->next = mono_add_ms(now, SCREEN_PLAIN_MS);
        progress_plain(p, line);
        if (strcmp(line, s->last) == 0)
            return false;
        strcpy(s->last, line);
        printf("%s\n", line);
    }
    flush(s);
    return true;
}

static void
draw_below(struct screen *s, const char *text)
{
    unsigned room = terminal_lines() - 1;
    const char *end;

    for (; (end = strchr(text, '\n')) != NULL && s->drawn < room; text = end + 1) {
        printf("\n" WRAP_OFF "%.*s\033[K" WRAP_ON, (int)(end - text), text);
        s->drawn++;
    }
}

void
screen_below(struct screen *s, const char *text)
{
    if (s->mode == SCREEN_TTY)
        draw_below(s, text);
    else
        fputs(text, stdout);
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
screen_put(struct screen *s, const char *line)
{
    if (says_nothing(s))
        return;
    screen_clear(s);
    printf("%s\n", line);
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
