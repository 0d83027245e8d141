/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The life of a torrent, walked through completely: every transition of the tables, the step for
 * every phase, job and goal, and where the steps lead. A model here says what each step and the end
 * of each job can do to the state; all states that it reaches have to be legal, and from each of
 * them each goal has to be reached.
 */
#include "peer/torrent/lifecycle.h"

#include <criterion/criterion.h>
#include <string.h>

typedef bool (*may_follow_fn)(int from, int to);

static bool
phase_may(int from, int to)
{
    return phase_may_follow((enum torrent_phase)from, (enum torrent_phase)to);
}

static bool
goal_may(int from, int to)
{
    return goal_may_follow((enum torrent_goal)from, (enum torrent_goal)to);
}

static bool
completion_may(int from, int to)
{
    return completion_may_follow((enum torrent_completion)from, (enum torrent_completion)to);
}

static void
expect_matrix(may_follow_fn may, int count, const char *const *rows)
{
    for (int from = 0; from < count; from++)
        for (int to = 0; to < count; to++)
            cr_expect_eq(may(from, to), rows[from][to] == 'x', "%d -> %d", from, to);
}

/* Columns in the order of the enum, as the rows. */
Test(lifecycle, the_phases)
{
    static const char *const rows[PHASE_COUNT] = {
        [PHASE_IDLE] = ".xx...x.x",     [PHASE_RESTING] = "x....x..x",
        [PHASE_READY] = "x..x.xx.x",    [PHASE_RUNNING] = "..x.xxx.x",
        [PHASE_RETIRING] = ".x......x", [PHASE_STOPPING] = "......x.x",
        [PHASE_SAVING] = ".......xx",   [PHASE_CLOSING] = "x.......x",
        [PHASE_STOPPED] = "x.......x",
    };

    expect_matrix(phase_may, PHASE_COUNT, rows);
}

Test(lifecycle, the_goals)
{
    static const char *const rows[GOAL_COUNT] = {
        [GOAL_RUN] = ".xxxxxx",    [GOAL_PAUSE] = "x.xxxxx", [GOAL_REST] = "xx..xxx",
        [GOAL_RELOAD] = "xx..xxx", [GOAL_STOP] = "x....xx",  [GOAL_REMOVE] = "......x",
        [GOAL_ERASE] = ".....x.",
    };

    expect_matrix(goal_may, GOAL_COUNT, rows);
}

Test(lifecycle, the_completions)
{
    static const char *const rows[COMPLETION_COUNT] = {
        [COMPLETION_NONE] = "xx...",     [COMPLETION_WANTED] = "x.x.x",
        [COMPLETION_FINISHED] = "x..x.", [COMPLETION_FLUSHED] = "x...x",
        [COMPLETION_DONE] = "x....",
    };

    expect_matrix(completion_may, COMPLETION_COUNT, rows);
}

/* Columns: NONE, LOOK, CHECK, GATHER, PREPARE, PEEK, MEASURE, FINISH, FLUSH, MOVE, SWITCH, CLEAN,
 * SAVE, UNMOVE, ERASE, CLOSE,
 * FORGET. b: it may begin; x: it may only be under way. */
Test(lifecycle, the_jobs_of_each_phase)
{
    static const char *const rows[PHASE_COUNT] = {
        [PHASE_IDLE] = "xbb..............",     [PHASE_RESTING] = "x................",
        [PHASE_READY] = "x...bbxxxxxx.....",    [PHASE_RUNNING] = "x....bbbbbbb.....",
        [PHASE_RETIRING] = "x..............b.", [PHASE_STOPPING] = "x...xxxxxxxx.....",
        [PHASE_SAVING] = "x..bxxxxxxxxb....",   [PHASE_CLOSING] = "x............bbbb",
        [PHASE_STOPPED] = "xxxxxxxxxxxxxxxxx",
    };

    for (enum torrent_phase p = 0; (int)p < PHASE_COUNT; p++)
        for (enum torrent_job j = 0; (int)j < JOB_COUNT; j++) {
            cr_expect_eq(job_may_begin(p, j), rows[p][j] == 'b', "phase %d, job %d", p, j);
            cr_expect_eq(job_may_be(p, j), rows[p][j] != '.', "phase %d, job %d", p, j);
        }
}

/* Nothing is fetched or served before the files were looked at, and nothing counts as complete on
 * the disk that was not flushed. */
Test(lifecycle, nothing_runs_unchecked_and_nothing_is_done_unflushed)
{
    for (int p = 0; (int)p < PHASE_COUNT; p++)
        cr_expect(!phase_may(p, PHASE_RUNNING) || p == PHASE_READY, "%d", p);
    for (int c = 0; c < COMPLETION_COUNT; c++) {
        cr_expect(!completion_may(c, COMPLETION_FLUSHED) || c == COMPLETION_FINISHED, "%d", c);
        cr_expect(!completion_may(c, COMPLETION_DONE) || c == COMPLETION_FLUSHED ||
                      c == COMPLETION_WANTED, /* a seed that never writes */
                  "%d", c);
    }
}

/* --- the model --- */

struct state {
    enum torrent_phase phase;
    enum torrent_job job;
    enum torrent_goal goal;
};

enum { STATES = PHASE_COUNT * JOB_COUNT * GOAL_COUNT, NEXT_MAX = 64 };

struct nexts {
    struct state at[NEXT_MAX];
    int count;
};

static int
number(struct state s)
{
    return ((int)s.phase * JOB_COUNT + (int)s.job) * GOAL_COUNT + (int)s.goal;
}

static struct state
state_of(int n)
{
    return (struct state){.phase = (enum torrent_phase)(n / GOAL_COUNT / JOB_COUNT),
                          .job = (enum torrent_job)(n / GOAL_COUNT % JOB_COUNT),
                          .goal = (enum torrent_goal)(n % GOAL_COUNT)};
}

static void
add(struct nexts *out, struct state from, struct state to)
{
    cr_assert_lt(out->count, NEXT_MAX);
    cr_expect(from.phase == to.phase || phase_may_follow(from.phase, to.phase),
              "phase %d -> %d with job %d and goal %d", from.phase, to.phase, from.job, from.goal);
    cr_expect(from.goal == to.goal || goal_may_follow(from.goal, to.goal), "goal %d -> %d",
              from.goal, to.goal);
    cr_expect(job_may_be(to.phase, to.job), "phase %d has job %d", to.phase, to.job);
    out->at[out->count++] = to;
}

static void
add_phase(struct nexts *out, struct state s, enum torrent_phase phase)
{
    struct state to = {phase, s.job, s.goal};

    add(out, s, to);
}

static void
add_job(struct nexts *out, struct state s, enum torrent_job job)
{
    struct state to = {s.phase, job, s.goal};

    cr_expect(job == JOB_NONE || (s.job == JOB_NONE && job_may_begin(s.phase, job)),
              "phase %d, job %d -> %d", s.phase, s.job, job);
    add(out, s, to);
}

/* A reload has closed the files: the user's wish is the goal again. */
static void
add_closed(struct nexts *out, struct state s)
{
    struct state to = {lifecycle_closed(s.phase, s.goal), JOB_NONE, s.goal};

    if (to.phase == PHASE_IDLE && s.goal == GOAL_RELOAD) {
        to.goal = GOAL_PAUSE;
        add(out, s, to);
        to.goal = GOAL_RUN;
    }
    add(out, s, to);
}

static void
add_step(struct nexts *out, struct state s)
{
    switch (lifecycle_next(s.phase, s.job, s.goal)) {
    case STEP_NONE:
    case STEP_ANNOUNCE:
    case STEP_CANCEL: break; /* the job's end follows by itself */
    case STEP_LOAD:
        add_job(out, s, JOB_CHECK);
        if (s.goal != GOAL_REST) { /* of a torrent that rests, nothing is to be gathered */
            add(out, s, (struct state){PHASE_IDLE, JOB_NONE, GOAL_RELOAD});
            add_job(out, (struct state){PHASE_SAVING, JOB_NONE, GOAL_RELOAD}, JOB_GATHER);
        }
        break;
    case STEP_WAKE:
    case STEP_REVIVE: add_phase(out, s, PHASE_IDLE); break;
    case STEP_START:
        add_phase(out, s, PHASE_RUNNING);
        add_job(out, s, JOB_PREPARE);
        break;
    case STEP_COMPLETE:
        for (enum torrent_job j = JOB_FINISH; j <= JOB_CLEAN; j++)
            add_job(out, s, j);
        break;
    case STEP_PAUSE: add_phase(out, s, PHASE_READY); break;
    case STEP_RETIRE: add_phase(out, s, PHASE_RETIRING); break;
    case STEP_UNLOAD:
    case STEP_SHUT:
    case STEP_LEFT: add_phase(out, s, PHASE_SAVING); break;
    case STEP_LEAVE:
        add_phase(out, s, PHASE_STOPPING);
        if (s.phase == PHASE_READY) /* the core was not started */
            add_phase(out, s, PHASE_SAVING);
        break;
    case STEP_SAVE: add_job(out, s, JOB_SAVE); break;
    case STEP_CLOSE:
        if (s.phase == PHASE_CLOSING && s.goal >= GOAL_REMOVE)
            add_job(out, s, JOB_UNMOVE);
        if (s.phase == PHASE_CLOSING && s.goal == GOAL_ERASE)
            add_job(out, s, JOB_ERASE);
        add_job(out, s, JOB_CLOSE);
        break;
    }
}

/* The end of the job that is under way. */
static void
add_result(struct nexts *out, struct state s)
{
    struct state none = {s.phase, JOB_NONE, s.goal};

    switch (s.job) {
    case JOB_NONE: return;
    case JOB_LOOK:
        if (s.phase == PHASE_IDLE)
            add_phase(out, none, PHASE_RESTING);
        break;
    case JOB_CHECK:
        if (s.phase == PHASE_IDLE)
            add_phase(out, none, PHASE_READY);
        break;
    case JOB_PREPARE:
        if (s.phase == PHASE_READY)
            add_phase(out, none, PHASE_IDLE);
        break;
    case JOB_SAVE: add_phase(out, none, PHASE_CLOSING); return;
    case JOB_ERASE: add(out, s, (struct state){s.phase, JOB_NONE, GOAL_REMOVE}); return;
    case JOB_CLOSE:
        if (s.phase == PHASE_CLOSING && s.goal >= GOAL_REMOVE)
            add_job(out, none, JOB_FORGET);
        else if (s.phase != PHASE_STOPPED)
            add_closed(out, s);
        return;
    case JOB_FORGET:
        if (s.phase == PHASE_CLOSING)
            add_phase(out, none, PHASE_STOPPED);
        return;
    case JOB_GATHER:
    case JOB_PEEK:
    case JOB_MEASURE:
    case JOB_FINISH:
    case JOB_FLUSH:
    case JOB_MOVE:
    case JOB_SWITCH:
    case JOB_CLEAN:
    case JOB_UNMOVE: break;
    }
    add_job(out, s, JOB_NONE);
}

/* After failures, the retry timer begins a look at the files, and a full disk a measurement. */
static void
add_failure(struct nexts *out, struct state s)
{
    if (s.job != JOB_NONE)
        return;
    if (s.phase == PHASE_READY || s.phase == PHASE_RUNNING)
        add_job(out, s, JOB_PEEK);
    if (s.phase == PHASE_RUNNING)
        add_job(out, s, JOB_MEASURE);
}

static void
find_nexts(struct state s, struct nexts *out)
{
    out->count = 0;
    if (s.phase == PHASE_STOPPED && s.job != JOB_NONE)
        return; /* dropped as by a crash */
    add_step(out, s);
    add_result(out, s);
    add_failure(out, s);
}

/* The goals that the user, a peer and the torrent itself can set in |s|. */
static bool
can_want(struct state s, enum torrent_goal goal)
{
    bool loaded = s.phase == PHASE_READY || s.phase == PHASE_RUNNING;

    if (goal == s.goal || !goal_may_follow(s.goal, goal))
        return false;
    switch (goal) {
    case GOAL_RUN: return s.goal != GOAL_STOP || s.phase == PHASE_STOPPED;
    case GOAL_PAUSE: return s.goal != GOAL_RELOAD;
    case GOAL_REST:
        return (s.phase == PHASE_RUNNING && s.job == JOB_NONE && s.goal == GOAL_RUN) ||
               s.phase == PHASE_RESTING || s.phase == PHASE_RETIRING || s.job == JOB_LOOK;
    case GOAL_RELOAD: return loaded;
    case GOAL_STOP:
    case GOAL_REMOVE:
    case GOAL_ERASE: return true;
    }
    return false;
}

/* Marks all states that can be reached from |s|; with |wishes|, the goal changes too. */
static void
walk(struct state s, bool wishes, bool *seen)
{
    static int todo[STATES];
    int count = 0;

    memset(seen, 0, STATES * sizeof(*seen));
    seen[number(s)] = true;
    todo[count++] = number(s);
    while (count > 0) {
        struct state at = state_of(todo[--count]);
        struct nexts next;

        find_nexts(at, &next);
        for (enum torrent_goal g = 0; wishes && (int)g < GOAL_COUNT; g++)
            if (can_want(at, g))
                next.at[next.count++] = (struct state){at.phase, at.job, g};
        for (int i = 0; i < next.count; i++) {
            int n = number(next.at[i]);

            if (!seen[n])
                todo[count++] = n;
            seen[n] = true;
        }
    }
}

static void
all_reachable(bool *seen)
{
    static bool from_look[STATES];

    walk((struct state){PHASE_IDLE, JOB_NONE, GOAL_RUN}, true, seen);
    walk((struct state){PHASE_IDLE, JOB_LOOK, GOAL_REST}, true, from_look);
    for (int i = 0; i < STATES; i++)
        seen[i] = seen[i] || from_look[i];
}

static bool
is_reached(struct state s, enum torrent_goal goal)
{
    switch (goal) {
    case GOAL_RUN: return s.phase == PHASE_RUNNING;
    case GOAL_PAUSE:
        return s.phase == PHASE_READY || s.phase == PHASE_IDLE || s.phase == PHASE_RESTING;
    case GOAL_REST: return s.phase == PHASE_RESTING;
    case GOAL_RELOAD: return s.phase == PHASE_READY || s.phase == PHASE_RESTING;
    case GOAL_STOP:
    case GOAL_REMOVE:
    case GOAL_ERASE: return s.phase == PHASE_STOPPED;
    }
    return false;
}

/* What the tables allow is what the model reaches: each job in each phase that may have it, and
 * nothing else. add() looks at each transition. */
Test(lifecycle, every_legal_state_is_reached_and_no_other)
{
    static bool seen[STATES];

    all_reachable(seen);
    for (int i = 0; i < STATES; i++) {
        struct state s = state_of(i);

        if (seen[i])
            cr_expect(job_may_be(s.phase, s.job), "phase %d, job %d", s.phase, s.job);
    }
    for (enum torrent_phase p = 0; (int)p < PHASE_COUNT; p++)
        for (enum torrent_job j = 0; (int)j < JOB_COUNT; j++) {
            bool any = false;

            for (enum torrent_goal g = 0; (int)g < GOAL_COUNT; g++)
                any = any || seen[number((struct state){p, j, g})];
            /* After a crash, STOPPED has any job. */
            cr_expect(any == job_may_be(p, j) || (p == PHASE_STOPPED && j != JOB_NONE),
                      "phase %d, job %d: reached %d", p, j, any);
        }
}

/* From every state that is reached, every goal that may be set there is reached: there is no dead
 * end, and no job is waited for that nobody ends. */
Test(lifecycle, every_goal_is_reached_from_everywhere)
{
    static bool seen[STATES], from[STATES];
    int walked = 0;

    all_reachable(seen);
    for (int i = 0; i < STATES; i++) {
        struct state s = state_of(i);

        for (enum torrent_goal g = 0; seen[i] && (int)g < GOAL_COUNT; g++) {
            bool found = false;

            if (g != s.goal && !can_want(s, g))
                continue;
            walk((struct state){s.phase, s.job, g}, false, from);
            for (int k = 0; k < STATES && !found; k++)
                found = from[k] && is_reached(state_of(k), g);
            cr_expect(found, "phase %d, job %d: goal %d is never reached", s.phase, s.job, g);
            walked++;
        }
    }
    cr_expect_gt(walked, 200);
}

/* Only steps that are allowed beside a job come while one is under way; and a check that nobody
 * wants any more is cancelled. */
Test(lifecycle, one_job_at_a_time)
{
    for (enum torrent_phase p = 0; (int)p < PHASE_COUNT; p++)
        for (enum torrent_job j = JOB_NONE + 1; (int)j < JOB_COUNT; j++)
            for (enum torrent_goal g = 0; (int)g < GOAL_COUNT; g++)
                switch (lifecycle_next(p, j, g)) {
                case STEP_NONE: break;
                case STEP_CANCEL: cr_expect_eq(j, JOB_CHECK); break;
                case STEP_PAUSE: cr_expect(p == PHASE_RUNNING && g == GOAL_PAUSE); break;
                case STEP_UNLOAD: cr_expect_eq(g, GOAL_RELOAD); break;
                case STEP_LEAVE: cr_expect_geq(g, GOAL_STOP); break;
                case STEP_LEFT: cr_expect_eq(p, PHASE_STOPPING); break;
                case STEP_LOAD:
                case STEP_WAKE:
                case STEP_ANNOUNCE:
                case STEP_START:
                case STEP_COMPLETE:
                case STEP_RETIRE:
                case STEP_SHUT:
                case STEP_SAVE:
                case STEP_CLOSE:
                case STEP_REVIVE: cr_assert_fail("phase %d, job %d, goal %d", p, j, g);
                }
    cr_expect_eq(lifecycle_next(PHASE_IDLE, JOB_CHECK, GOAL_RUN), STEP_NONE);
    cr_expect_eq(lifecycle_next(PHASE_IDLE, JOB_CHECK, GOAL_PAUSE), STEP_CANCEL);
    cr_expect_eq(lifecycle_next(PHASE_IDLE, JOB_CHECK, GOAL_STOP), STEP_CANCEL);
}
