/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes a torrent's phase, job, goal and completion.
 */
#include "common/base/assert.h"
#include "peer/torrent/torrent_life.h"

void
torrent_life_init(struct torrent *t)
{
    t->life = (struct torrent_life){.goal = torrent_goal_of_user(t)};
}

void
torrent_life_init_at_rest(struct torrent *t)
{
    torrent_life_init(t);
    ASSERT(job_may_begin(t->life.phase, JOB_LOOK));
    t->life.job = JOB_LOOK;
    if (!t->options.paused)
        t->life.goal = GOAL_REST;
}

void
torrent_set_phase(struct torrent *t, enum torrent_phase phase)
{
    ASSERT(phase_may_follow(t->life.phase, phase));
    ASSERT(job_may_be(phase, t->life.job));
    t->life.phase = phase;
    t->prepare.done = false;
    if (phase != PHASE_RUNNING)
        room_claim_drop(&t->prepare.claim);
    torrent_mark_dirty(t);
}

void
torrent_set_goal(struct torrent *t, enum torrent_goal goal)
{
    if (goal == t->life.goal)
        return;
    ASSERT(goal_may_follow(t->life.goal, goal));
    t->life.goal = goal;
    torrent_mark_dirty(t);
}

void
torrent_set_completion(struct torrent *t, enum torrent_completion completion)
{
    ASSERT(completion_may_follow(t->life.completion, completion));
    t->life.completion = completion;
    torrent_mark_dirty(t);
}

void
torrent_begin_job(struct torrent *t, enum torrent_job job)
{
    ASSERT(t->life.job == JOB_NONE && job_may_begin(t->life.phase, job));
    t->life.job = job;
    torrent_mark_dirty(t);
}

void
torrent_end_job(struct torrent *t, enum torrent_job job)
{
    ASSERT(t->life.job == job);
    t->life.job = JOB_NONE;
    torrent_mark_dirty(t);
}

void
torrent_hold(struct torrent *t, enum torrent_step step, int64_t ms)
{
    t->life.held = step;
    loop_timer_set(t->retry, mono_add_ms(loop_now(t->env->loop), ms));
}

enum torrent_goal
torrent_goal_of_user(const struct torrent *t)
{
    return t->options.paused ? GOAL_PAUSE : GOAL_RUN;
}

void
torrent_reload(struct torrent *t)
{
    if ((t->life.phase != PHASE_READY && t->life.phase != PHASE_RUNNING) || torrent_is_ending(t))
        return;
    t->life.held = STEP_NONE;
    torrent_set_goal(t, GOAL_RELOAD);
    torrent_mark_dirty(t);
}

void
torrent_stop(struct torrent *t)
{
    if (!torrent_is_ending(t))
        torrent_set_goal(t, GOAL_STOP);
}

bool
torrent_is_ending(const struct torrent *t)
{
    return t->life.goal >= GOAL_STOP;
}

bool
torrent_is_being_removed(const struct torrent *t)
{
    return t->life.goal >= GOAL_REMOVE;
}

bool
torrent_is_resting(const struct torrent *t)
{
    return t->life.phase == PHASE_RESTING || t->life.phase == PHASE_RETIRING;
}

bool
torrent_has_files_open(const struct torrent *t)
{
    switch (t->life.phase) {
    case PHASE_RETIRING:
    case PHASE_CLOSING:
    case PHASE_STOPPED: return false;
    case PHASE_IDLE:
    case PHASE_RESTING:
    case PHASE_READY:
    case PHASE_RUNNING:
    case PHASE_STOPPING:
    case PHASE_SAVING: return t->disk.storage != NULL;
    }
    return false;
}

bool
torrent_is_running(const struct torrent *t)
{
    return t->life.phase == PHASE_RUNNING;
}
