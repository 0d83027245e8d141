/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tables. A row is a state; a bit or a column is a state that may follow.
 */
#include "peer/torrent/lifecycle.h"

#define PHASE(p)      (1u << PHASE_##p)
#define JOB(j)        (1u << JOB_##j)
#define GOAL(g)       (1u << GOAL_##g)
#define COMPLETION(c) (1u << COMPLETION_##c)

static const unsigned phases[PHASE_COUNT] = {
    [PHASE_IDLE] = PHASE(READY) | PHASE(RESTING) | PHASE(SAVING) | PHASE(STOPPED),
    [PHASE_RESTING] = PHASE(IDLE) | PHASE(STOPPING) | PHASE(STOPPED),
    [PHASE_READY] = PHASE(IDLE) | PHASE(RUNNING) | PHASE(STOPPING) | PHASE(SAVING) | PHASE(STOPPED),
    [PHASE_RUNNING] =
        PHASE(READY) | PHASE(RETIRING) | PHASE(STOPPING) | PHASE(SAVING) | PHASE(STOPPED),
    [PHASE_RETIRING] = PHASE(RESTING) | PHASE(STOPPED),
    [PHASE_STOPPING] = PHASE(SAVING) | PHASE(STOPPED),
    [PHASE_SAVING] = PHASE(CLOSING) | PHASE(STOPPED),
    [PHASE_CLOSING] = PHASE(IDLE) | PHASE(STOPPED),
    /* Resumed or removed. */
    [PHASE_STOPPED] = PHASE(IDLE) | PHASE(STOPPED),
};

static const unsigned goals[GOAL_COUNT] = {
    [GOAL_RUN] = GOAL(PAUSE) | GOAL(REST) | GOAL(RELOAD) | GOAL(STOP) | GOAL(REMOVE) | GOAL(ERASE),
    [GOAL_PAUSE] = GOAL(RUN) | GOAL(REST) | GOAL(RELOAD) | GOAL(STOP) | GOAL(REMOVE) | GOAL(ERASE),
    [GOAL_REST] = GOAL(RUN) | GOAL(PAUSE) | GOAL(STOP) | GOAL(REMOVE) | GOAL(ERASE),
    [GOAL_RELOAD] = GOAL(RUN) | GOAL(PAUSE) | GOAL(STOP) | GOAL(REMOVE) | GOAL(ERASE),
    [GOAL_STOP] = GOAL(RUN) | GOAL(REMOVE) | GOAL(ERASE),
    [GOAL_REMOVE] = GOAL(ERASE),
    [GOAL_ERASE] = GOAL(REMOVE),
};

static const unsigned completions[COMPLETION_COUNT] = {
    [COMPLETION_NONE] = COMPLETION(WANTED) | COMPLETION(NONE),
    [COMPLETION_WANTED] = COMPLETION(FINISHED) | COMPLETION(DONE) | COMPLETION(NONE),
    [COMPLETION_FINISHED] = COMPLETION(FLUSHED) | COMPLETION(NONE),
    [COMPLETION_FLUSHED] = COMPLETION(DONE) | COMPLETION(NONE),
    [COMPLETION_DONE] = COMPLETION(NONE),
};

#define COMPLETING (JOB(FINISH) | JOB(FLUSH) | JOB(MOVE) | JOB(SWITCH) | JOB(CLEAN))

/* The jobs that may begin in a phase. */
static const unsigned begins[PHASE_COUNT] = {
    [PHASE_IDLE] = JOB(LOOK) | JOB(CHECK),
    [PHASE_RESTING] = 0,
    [PHASE_READY] = JOB(PREPARE) | JOB(PEEK),
    [PHASE_RUNNING] = JOB(PEEK) | JOB(MEASURE) | COMPLETING,
    [PHASE_RETIRING] = JOB(CLOSE),
    [PHASE_STOPPING] = 0,
    [PHASE_SAVING] = JOB(GATHER) | JOB(SAVE),
    [PHASE_CLOSING] = JOB(UNMOVE) | JOB(ERASE) | JOB(CLOSE) | JOB(FORGET),
    [PHASE_STOPPED] = 0,
};

/* The jobs that may still be under way in a phase, from an earlier one. */
#define RAN (JOB(PREPARE) | JOB(PEEK) | JOB(MEASURE) | COMPLETING)
static const unsigned lasts[PHASE_COUNT] = {
    [PHASE_READY] = RAN,  [PHASE_RUNNING] = JOB(PEEK), [PHASE_STOPPING] = RAN,
    [PHASE_SAVING] = RAN, [PHASE_STOPPED] = ~0u, /* dropped as by a crash */
};

/* Columns: RUN, PAUSE, REST, RELOAD, and the three ends. */
#define ROW(run, pause, rest, reload, end)                                                         \
    {                                                                                              \
        STEP_##run, STEP_##pause, STEP_##rest, STEP_##reload, STEP_##end, STEP_##end, STEP_##end   \
    }
static const unsigned char steps[PHASE_COUNT][GOAL_COUNT] = {
    [PHASE_IDLE] = ROW(LOAD, NONE, LOAD, SHUT, SHUT),
    [PHASE_RESTING] = ROW(WAKE, ANNOUNCE, ANNOUNCE, WAKE, LEAVE),
    [PHASE_READY] = ROW(START, NONE, START, UNLOAD, LEAVE),
    [PHASE_RUNNING] = ROW(COMPLETE, PAUSE, RETIRE, UNLOAD, LEAVE),
    [PHASE_RETIRING] = ROW(CLOSE, CLOSE, CLOSE, CLOSE, CLOSE),
    [PHASE_STOPPING] = ROW(LEFT, LEFT, LEFT, LEFT, LEFT),
    [PHASE_SAVING] = ROW(SAVE, SAVE, SAVE, SAVE, SAVE),
    [PHASE_CLOSING] = ROW(CLOSE, CLOSE, CLOSE, CLOSE, CLOSE),
    [PHASE_STOPPED] = ROW(REVIVE, REVIVE, REVIVE, REVIVE, NONE),
};

/* The user's pause, a reload and the end do not wait for the job: it ends in a later phase. */
#define STEP(s) (1u << STEP_##s)
static const unsigned beside_a_job = STEP(PAUSE) | STEP(UNLOAD) | STEP(LEAVE) | STEP(LEFT);

bool
phase_may_follow(enum torrent_phase from, enum torrent_phase to)
{
    return (phases[from] & 1u << to) != 0;
}

bool
goal_may_follow(enum torrent_goal from, enum torrent_goal to)
{
    return (goals[from] & 1u << to) != 0;
}

bool
completion_may_follow(enum torrent_completion from, enum torrent_completion to)
{
    return (completions[from] & 1u << to) != 0;
}

bool
job_may_begin(enum torrent_phase phase, enum torrent_job job)
{
    return (begins[phase] & 1u << job) != 0;
}

bool
job_may_be(enum torrent_phase phase, enum torrent_job job)
{
    return job == JOB_NONE || ((begins[phase] | lasts[phase]) & 1u << job) != 0;
}

enum torrent_step
lifecycle_next(enum torrent_phase phase, enum torrent_job job, enum torrent_goal goal)
{
    enum torrent_step step = (enum torrent_step)steps[phase][goal];

    if (job == JOB_NONE || (beside_a_job & 1u << step) != 0)
        return step;
    return job == JOB_CHECK && step != STEP_LOAD ? STEP_CANCEL : STEP_NONE;
}

enum torrent_phase
lifecycle_closed(enum torrent_phase phase, enum torrent_goal goal)
{
    if (phase == PHASE_RETIRING)
        return PHASE_RESTING;
    return goal >= GOAL_STOP ? PHASE_STOPPED : PHASE_IDLE;
}
