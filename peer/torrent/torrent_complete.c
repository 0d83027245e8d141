/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Takes the steps of completion one after another: makes empty files and links, syncs and commits,
 * moves the files, tells the user. After a failure, the retry timer makes the next attempt.
 */
#include "common/sys/clock.h"
#include "peer/torrent/torrent_complete.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_move.h"

static void
stop_because(struct torrent *t, enum why_stop why)
{
    t->stopped_by = why;
    torrent_set_goal(t, GOAL_STOP);
}

static void
completed(struct torrent *t)
{
    torrent_set_completion(t, COMPLETION_DONE);
    room_claim_drop(&t->prepare.claim);
    if (t->totals.completed_at == 0 && bitfield_full(torrent_have(t)))
        t->totals.completed_at = clock_unix();
    if (t->options.seed_only)
        return;
    if (!t->complete_told)
        torrent_tell(t, TORRENT_EVENT_COMPLETE, 0, "");
    t->complete_told = true;
    if (t->options.seed == SEED_NONE)
        stop_because(t, WHY_STOP_COMPLETE);
}

static void
on_finished(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_FINISH);
    if (res->err == 0)
        torrent_set_completion(t, COMPLETION_FINISHED);
    else if (res->err != SPRAT_E_CANCELLED)
        torrent_fail(t, FAILURE_COMMIT, res->err, res->why);
}

static void
finish(struct torrent *t)
{
    if (storage_finish(t->disk.storage, on_finished, t) == 0)
        torrent_begin_job(t, JOB_FINISH);
    else
        torrent_hold(t, STEP_COMPLETE, TORRENT_BUSY_MS);
}

static void
on_flushed(void *user, int err, const char *why)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_FLUSH);
    if (err != 0) {
        torrent_fail(t, FAILURE_COMMIT, err, why);
        return;
    }
    torrent_recovered(t, FAILURE_COMMIT);
    if (t->life.goal == GOAL_RELOAD)
        return; /* the selection has changed by now, or files have */
    storage_release(t->disk.storage);
    torrent_set_completion(t, COMPLETION_FLUSHED);
}

static void
flush(struct torrent *t)
{
    bool whole = bitfield_full(swarm_have(t->core.swarm));

    torrent_begin_job(t, JOB_FLUSH);
    if (commit_flush(t->disk.commit, loop_now(t->env->loop), true, whole, on_flushed, t) == 0)
        return;
    torrent_end_job(t, JOB_FLUSH);
    torrent_hold(t, STEP_COMPLETE, TORRENT_BUSY_MS);
}

/* Whether the upload ratio has reached the user's. Checked with each step, so no counter is kept
 * here. */
static void
check_ratio(struct torrent *t)
{
    uint64_t given = t->totals.up_before + t->totals.up_session + swarm_uploaded(t->core.swarm);

    if (t->options.seed == SEED_RATIO &&
        (double)given >= t->options.ratio * (double)t->facts.total_size)
        stop_because(t, WHY_STOP_RATIO);
}

void
complete_go_on(struct torrent *t)
{
    if (torrent_failure_holds(t, FAILURE_COMMIT) && t->life.completion != COMPLETION_DONE)
        return;
    switch (t->life.completion) {
    case COMPLETION_NONE: break;
    case COMPLETION_WANTED:
        if (t->options.seed_only)
            completed(t); /* nothing was written, nothing is to be made */
        else
            finish(t);
        break;
    case COMPLETION_FINISHED: flush(t); break;
    case COMPLETION_FLUSHED:
        if (!move_go_on(t))
            completed(t);
        break;
    case COMPLETION_DONE: check_ratio(t); break;
    }
}
