/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keeps a torrent's failure, tells the user of it, and sets the time of the next attempt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_life.h"

enum {
    TELL_MS = 60000, /* the user hears of the same failure no more often */
    RELOAD_MS = 500, /* from the first sign of a changed file to a check of all files */
};

/* A failure of this machine may pass: the user frees or repairs a disk, another process ends. Other
 * failures need the user. */
static bool
may_pass(int err)
{
    enum sprat_err_family family = sprat_err_family(err);

    return family == ERR_FAMILY_LOCAL || family == ERR_FAMILY_MEMORY || err == SPRAT_E_BUSY;
}

static void
retry_soon(struct torrent *t)
{
    t->failure.retry_at = mono_add_ms(loop_now(t->env->loop), TORRENT_RETRY_MS);
    loop_timer_set(t->retry, t->failure.retry_at);
}

/* Pushes the event, unless the user heard of the same failure shortly before: a full disk that
 * accepts one write of a hundred fails and recovers many times a second. */
static void
tell_failure(struct torrent *t, const char *message, bool was_told)
{
    struct torrent_last_told *last = &t->last_told;
    struct mono now = loop_now(t->env->loop);
    bool again = last->err == t->failure.err && may_pass(last->err);
    char text[ERRBUF_SIZE];

    if (again && mono_diff_ms(now, last->at) < TELL_MS) {
        t->failure.untold = !was_told;
        last->untold++;
        return;
    }
    t->failure.untold = false;
    snprintf(text, sizeof(text), "%s", message);
    if (again && last->untold > 0)
        snprintf(text, sizeof(text), "%.*s (and %u times before)", (int)sizeof(text) - 40, message,
                 last->untold);
    torrent_tell(t, TORRENT_EVENT_ERROR, t->failure.err, text);
    *last = (struct torrent_last_told){.err = t->failure.err, .at = now};
}

void
torrent_fail(struct torrent *t, enum torrent_failure_source source, int err, const char *message)
{
    struct torrent_failure *f = &t->failure;
    bool was_told = f->err == err && !f->untold;
    bool same = f->err == err && f->message != NULL && strcmp(f->message, message) == 0;

    f->source = source;
    f->err = err;
    f->waits = true;
    if (!same) {
        free(f->message);
        f->message = strdup(message);
        tell_failure(t, message, was_told);
    }
    f->retry_at = MONO_NEVER;
    if (may_pass(err))
        retry_soon(t);
    torrent_mark_dirty(t);
}

void
torrent_clear_failure(struct torrent *t)
{
    free(t->failure.message);
    t->failure = (struct torrent_failure){.source = FAILURE_NONE};
    if (t->life.held == STEP_NONE)
        loop_timer_set(t->retry, MONO_NEVER);
    else
        torrent_hold(t, t->life.held, TORRENT_BUSY_MS); /* it waits for this timer too */
    torrent_mark_dirty(t);
}

void
torrent_recovered(struct torrent *t, enum torrent_failure_source source)
{
    bool untold;

    if (t->failure.source != source)
        return;
    /* Jobs of another failure still wait for a retry: that failure becomes the reported one. */
    if (source != FAILURE_CORE && !list_empty(&t->disk.stalled)) {
        torrent_fail(t, FAILURE_CORE, t->failure.err, torrent_last_why(t, t->failure.err));
        return;
    }
    untold = t->failure.untold;
    torrent_clear_failure(t);
    if (!untold)
        torrent_tell(t, TORRENT_EVENT_RESUMED, 0, "");
}

void
torrent_on_retry_time(struct torrent *t)
{
    struct torrent_failure *f = &t->failure;

    f->waits = false;
    if (f->untold && mono_diff_ms(loop_now(t->env->loop), t->last_told.at) >= TELL_MS)
        tell_failure(t, f->message != NULL ? f->message : "", true);
    if (f->err != 0 && may_pass(f->err))
        retry_soon(t);
    torrent_mark_dirty(t);
}

bool
torrent_failure_holds(const struct torrent *t, enum torrent_failure_source source)
{
    return t->failure.source == source && t->failure.waits;
}

void
torrent_remember_why(struct torrent *t, int err, const char *why)
{
    free(t->disk.why);
    t->disk.why = strdup(why[0] != '\0' ? why : sprat_strerror(err));
}

const char *
torrent_last_why(const struct torrent *t, int err)
{
    return t->disk.why != NULL ? t->disk.why : sprat_strerror(err);
}

void
torrent_reload_soon(struct torrent *t, int err, const char *why)
{
    bool loaded = t->life.phase == PHASE_READY || t->life.phase == PHASE_RUNNING;

    if (!loaded || torrent_is_ending(t) || t->life.goal == GOAL_RELOAD)
        return;
    t->next_check.strict = true;
    torrent_fail(t, FAILURE_FILES, err, why);
    torrent_set_goal(t, GOAL_RELOAD);
    torrent_hold(t, STEP_UNLOAD, RELOAD_MS);
}
