/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Does the steps of a torrent's life. All other modules of this folder only report what happened
 * (torrent_life.h); what follows from it is decided here, by the table of lifecycle.h, outside of
 * every callback.
 */
#include "common/base/magic.h"
#include "peer/torrent/torrent_close.h"
#include "peer/torrent/torrent_complete.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_feed.h"
#include "peer/torrent/torrent_learn.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_load.h"
#include "peer/torrent/torrent_prepare.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_save.h"
#include "peer/torrent/torrent_search.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_steps.h"
#include "peer/torrent/torrent_turn.h"

/* --- steps --- */

/* A torrent whose data is missing, and that has no piece, waits until its files are back. */
static void
start(struct torrent *t)
{
    if (t->core.frozen && t->core.have.count == 0 && t->facts.piece_count > 0)
        return;
    if (!t->facts.waiting && !prepare_is_done(t))
        return;
    torrent_set_phase(t, PHASE_RUNNING);
    core_start(t);
    if (!t->facts.waiting)
        core_note_complete(t);
    t->env->calls->admit(t);
}

static void
pause(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_PAUSE};

    torrent_feed(t, &in);
    torrent_set_phase(t, PHASE_READY);
}

static void
unload(struct torrent *t)
{
    loop_timer_set(t->retry, MONO_NEVER);
    torrent_save(t);
    core_drop(t);
    torrent_recovered(t, FAILURE_CORE); /* its failed jobs are gone */
    torrent_set_phase(t, PHASE_SAVING);
}

static void
leave(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_STOP};

    loop_timer_set(t->retry, MONO_NEVER);
    if (t->life.phase == PHASE_RESTING) {
        announcer_stop(t->announcer, loop_now(t->env->loop));
        torrent_set_phase(t, PHASE_STOPPING);
    } else if (t->core.started) {
        torrent_set_phase(t, PHASE_STOPPING);
        torrent_feed(t, &in);
        disk_give_up(t);
    } else {
        torrent_set_phase(t, PHASE_SAVING);
    }
}

/* A torrent that rested has no core: the announces are its own. */
static void
await_announces(struct torrent *t)
{
    bool done = t->core.stopped;

    if (!torrent_has_core(t)) {
        rest_announce(t);
        done = announcer_idle(t->announcer);
    }
    if (done)
        torrent_set_phase(t, PHASE_SAVING);
}

static void
do_step(struct torrent *t, enum torrent_step step)
{
    switch (step) {
    case STEP_NONE: break;
    case STEP_LOAD: torrent_load(t); break;
    case STEP_CANCEL: resume_cancel(t->disk.resume); break;
    case STEP_WAKE: torrent_set_phase(t, PHASE_IDLE); break;
    case STEP_ANNOUNCE: rest_announce(t); break;
    case STEP_START: start(t); break;
    case STEP_COMPLETE: complete_go_on(t); break;
    case STEP_PAUSE: pause(t); break;
    case STEP_RETIRE: rest_retire(t); break;
    case STEP_UNLOAD: unload(t); break;
    case STEP_LEAVE: leave(t); break;
    case STEP_LEFT: await_announces(t); break;
    case STEP_SHUT: torrent_set_phase(t, PHASE_SAVING); break;
    case STEP_SAVE: close_save(t); break;
    case STEP_CLOSE: close_go_on(t); break;
    case STEP_REVIVE: torrent_set_phase(t, PHASE_IDLE); break;
    }
}

/* Does steps until one of them has to wait for a result, a timer or an event. */
static void
go_on(struct torrent *t)
{
    struct torrent_life before;

    do {
        enum torrent_step step = lifecycle_next(t->life.phase, t->life.job, t->life.goal);

        before = t->life;
        if (step != t->life.held)
            do_step(t, step);
    } while (t->life.phase != before.phase || t->life.job != before.job ||
             t->life.goal != before.goal || t->life.completion != before.completion);
}

/* --- all pending work --- */

/* Once the files are being closed, data that is not committed is left to the next session. */
static bool
commits(const struct torrent *t)
{
    return t->disk.commit != NULL && torrent_has_files_open(t);
}

static struct mono
expiry(struct torrent *t)
{
    struct mono at = MONO_NEVER;

    if (t->life.phase == PHASE_RESTING)
        at = announcer_expiry(t->announcer);
    if (t->core.swarm != NULL && t->core.started)
        at = swarm_expiry(t->core.swarm);
    if (t->core.fetch != NULL && t->core.started)
        at = metafetch_expiry(t->core.fetch);
    if (commits(t))
        at = mono_min(at, commit_expiry(t->disk.commit));
    return at;
}

void
torrent_do_steps(struct torrent *t)
{
    struct mono rests;

    disk_go_on(t);
    core_resume_after_failure(t);
    learn_go_on(t);
    select_go_on(t);
    go_on(t);
    rests = rest_if_idle(t);
    if (t->life.goal == GOAL_REST)
        go_on(t);
    torrent_search_update(t);
    turn_update(t);
    loop_timer_set(t->timer, mono_min(expiry(t), rests));
}

void
torrent_on_timer(void *ctx)
{
    struct torrent *t = ctx;
    struct swarm_input in = {.type = SWARM_IN_TICK};
    struct mono now = loop_now(t->env->loop);

    MAGIC_CHECK(t, TORRENT_MAGIC);
    if (commits(t) && mono_due(commit_expiry(t->disk.commit), now))
        commit_run(t->disk.commit, now);
    if (t->core.started)
        torrent_feed(t, &in);
    torrent_mark_dirty(t);
}

/* --- retries --- */

static void
on_peeked(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_PEEK);
    if (res->err != 0)
        return;
    t->next_check.strict = true;
    torrent_reload(t);
}

/* Checks all files again if a file differs from its stamp: the user may have restored it. If files
 * were missing, looks for the first one only: an unmounted disk lacks thousands of them. */
static void
look_again(struct torrent *t)
{
    size_t file = t->failure.err == SPRAT_E_GONE ? t->disk.gone_file : SIZE_MAX;

    if (t->life.job == JOB_NONE && storage_peek(t->disk.storage, file, on_peeked, t) == 0)
        torrent_begin_job(t, JOB_PEEK);
}

void
torrent_on_retry(void *ctx)
{
    struct torrent *t = ctx;
    bool loaded = t->life.phase == PHASE_READY || t->life.phase == PHASE_RUNNING;

    MAGIC_CHECK(t, TORRENT_MAGIC);
    t->life.held = STEP_NONE;
    torrent_on_retry_time(t);
    if (!loaded || t->life.goal == GOAL_RELOAD)
        return;
    if (t->failure.source == FAILURE_FILES)
        look_again(t);
    disk_retry(t);
}
