/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The writers of a torrent's life, and its failure: what they refuse, and that no step waits for a
 * timer that nobody has set.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "common/sys/clock.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_life.h"

enum { LONGEST_MS = 20000 }; /* a wait that is so long has failed */

struct rig {
    struct loop *loop;
    struct torrent_env env;
    struct torrent t;
    struct loop_timer *end;
    bool retried;
    unsigned told, turns;
};

static struct rig *
rig_of(struct torrent *t)
{
    return LIST_ENTRY(t, struct rig, t);
}

static void
mark_dirty(struct torrent *t)
{
    rig_of(t)->turns++;
}

static void
tell(struct torrent *t, enum torrent_event_type type, int err, const char *message)
{
    (void)type;
    (void)err;
    (void)message;
    rig_of(t)->told++;
}

static void
on_retry(void *ctx)
{
    struct rig *r = ctx;

    r->retried = true;
    loop_stop(r->loop);
}

static void
on_end(void *ctx)
{
    struct rig *r = ctx;

    loop_stop(r->loop);
}

/* A torrent that runs. */
static void
set_up(struct rig *r)
{
    static const struct torrent_env_calls calls = {.mark_dirty = mark_dirty, .tell = tell};
    struct errbuf eb;

    *r = (struct rig){.retried = false};
    cr_assert_eq(loop_new(&r->loop, &eb), 0);
    r->env.calls = &calls;
    r->env.loop = r->loop;
    r->t.env = &r->env;
    r->t.retry = loop_timer_new(r->loop, on_retry, r);
    r->end = loop_timer_new(r->loop, on_end, r);
    list_init(&r->t.disk.stalled);
    torrent_set_phase(&r->t, PHASE_READY);
    torrent_set_phase(&r->t, PHASE_RUNNING);
}

static void
tear_down(struct rig *r)
{
    free(r->t.failure.message);
    free(r->t.disk.why);
    loop_timer_free(r->t.retry);
    loop_timer_free(r->end);
    loop_free(r->loop);
}

/* Whether the retry timer fires at all. */
static bool
is_retried(struct rig *r)
{
    loop_timer_set(r->end, mono_add_ms(clock_mono(), LONGEST_MS));
    cr_assert_eq(loop_run(r->loop), 0);
    return r->retried;
}

/* A seed that the user paused is looked at too, and stays paused. */
Test(life, a_new_torrent_begins_with_the_goal_of_its_options)
{
    struct rig r;

    set_up(&r);
    torrent_life_init(&r.t);
    cr_expect_eq(r.t.life.phase, PHASE_IDLE);
    cr_expect_eq(r.t.life.job, JOB_NONE);
    cr_expect_eq(r.t.life.goal, GOAL_RUN);
    torrent_life_init_at_rest(&r.t);
    cr_expect_eq(r.t.life.phase, PHASE_IDLE);
    cr_expect_eq(r.t.life.job, JOB_LOOK);
    cr_expect_eq(r.t.life.goal, GOAL_REST);
    r.t.options.paused = true;
    torrent_life_init_at_rest(&r.t);
    cr_expect_eq(r.t.life.job, JOB_LOOK);
    cr_expect_eq(r.t.life.goal, GOAL_PAUSE);
    torrent_life_init(&r.t);
    cr_expect_eq(r.t.life.goal, GOAL_PAUSE);
    tear_down(&r);
}

Test(life, a_phase_that_may_not_follow_ends_the_program, .signal = SIGABRT)
{
    struct rig r;

    set_up(&r);
    torrent_set_phase(&r.t, PHASE_RESTING);
}

Test(life, a_goal_that_may_not_follow_ends_the_program, .signal = SIGABRT)
{
    struct rig r;

    set_up(&r);
    torrent_set_goal(&r.t, GOAL_REMOVE);
    torrent_set_goal(&r.t, GOAL_RUN);
}

Test(life, a_second_job_ends_the_program, .signal = SIGABRT)
{
    struct rig r;

    set_up(&r);
    torrent_begin_job(&r.t, JOB_FLUSH);
    torrent_begin_job(&r.t, JOB_PEEK);
}

Test(life, a_phase_that_the_job_does_not_allow_ends_the_program, .signal = SIGABRT)
{
    struct rig r;

    set_up(&r);
    torrent_begin_job(&r.t, JOB_FLUSH);
    torrent_set_phase(&r.t, PHASE_RETIRING);
}

Test(life, each_change_is_followed_by_a_turn)
{
    struct rig r;
    unsigned before;

    set_up(&r);
    before = r.turns;
    torrent_begin_job(&r.t, JOB_FLUSH);
    torrent_end_job(&r.t, JOB_FLUSH);
    torrent_set_completion(&r.t, COMPLETION_WANTED);
    torrent_set_goal(&r.t, GOAL_PAUSE);
    torrent_set_phase(&r.t, PHASE_READY);
    cr_expect_eq(r.turns, before + 5);
    torrent_stop(&r.t);
    cr_expect(torrent_is_ending(&r.t) && !torrent_is_being_removed(&r.t));
    torrent_reload(&r.t);
    cr_expect_eq(r.t.life.goal, GOAL_STOP, "a torrent that ends is not loaded again");
    tear_down(&r);
}

Test(life, a_held_step_is_let_go)
{
    struct rig r;

    set_up(&r);
    torrent_hold(&r.t, STEP_COMPLETE, 10);
    cr_expect(is_retried(&r));
    tear_down(&r);
}

/* A file changed, so the files are to be checked again soon. Meanwhile the disk fails, and works
 * again: that failure is over, but the check must still come. */
Test(life, the_end_of_another_failure_does_not_stop_a_reload, .timeout = 60)
{
    struct rig r;

    set_up(&r);
    torrent_reload_soon(&r.t, SPRAT_E_CHANGED, "a file was changed");
    cr_expect_eq(r.t.life.goal, GOAL_RELOAD);
    cr_expect_eq(r.t.life.held, STEP_UNLOAD);
    torrent_fail(&r.t, FAILURE_CORE, SPRAT_E_NOSPACE, "the disk is full");
    torrent_recovered(&r.t, FAILURE_CORE);
    cr_expect_eq(r.t.failure.err, 0);
    cr_expect(is_retried(&r), "nothing lets the reload go on");
    tear_down(&r);
}
