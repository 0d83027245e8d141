/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent at rest, the answers of its tracker, and the wakes that led to no upload.
 */
#include "peer/torrent/torrent_wake.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "peer/torrent/torrent_life.h"

struct fixture {
    struct torrent t;
    struct torrent_env env;
    struct rng rng;
    uint8_t addresses; /* each answer names a site of its own, so that no budget runs out */
};

static void
mark_dirty(struct torrent *t)
{
    (void)t;
}

static const struct torrent_env_calls calls = {.mark_dirty = mark_dirty};

static void
init(struct fixture *f)
{
    static const char *const urls[] = {"http://127.0.0.1:1/announce"};
    const struct identity id = {.has_v1 = true, .v1 = {1}};
    const struct announce_urls all = {.extra = urls, .extra_count = 1};
    const uint64_t seed[2] = {1, 2};

    *f = (struct fixture){.addresses = 0};
    rng_init(&f->rng, 1);
    cr_assert_eq(loop_new(&f->env.loop, NULL), 0);
    f->env.calls = &calls;
    f->env.sites = sitebudget_new(1, seed);
    f->t.env = &f->env;
    f->t.announcer = announcer_new(&id, &all, &f->rng);
    cr_assert(f->env.sites != NULL && f->t.announcer != NULL);
    announcer_start(f->t.announcer, loop_now(f->env.loop));
    f->t.life.phase = PHASE_RESTING;
    f->t.life.goal = GOAL_REST;
}

static void
fini(struct fixture *f)
{
    announcer_free(f->t.announcer);
    sitebudget_free(f->env.sites);
    free(f->t.rest.found);
    loop_free(f->env.loop);
}

static bool
is_awake(const struct fixture *f)
{
    return f->t.life.goal == GOAL_RUN;
}

/* The tracker names one address. */
static void
answer(struct fixture *f)
{
    const struct announce_result res = {
        .interval_s = 1800, .seeders = 1, .leechers = 1, .peers = 1};
    const struct endpoint addr = {.family = IP_V4, .port = 1, .ip = {10, 0, 0, ++f->addresses}};
    struct announce_job job;

    /* The schedule of announces is not the matter here: each answer is to a first announce. */
    announcer_stop(f->t.announcer, loop_now(f->env.loop));
    announcer_start(f->t.announcer, loop_now(f->env.loop));
    cr_assert(announcer_next(f->t.announcer, &job, loop_now(f->env.loop)));
    torrent_wake_on_announced(&f->t, job.id, &res, &addr, 1);
}

/* The torrent has run and rests again. */
static void
rest_again(struct fixture *f, uint64_t uploaded)
{
    f->t.totals.up_session += uploaded;
    torrent_wake_note_outcome(&f->t, f->t.totals.up_session);
    f->t.life.goal = GOAL_REST;
}

/* How many answers it takes until the torrent wakes. */
static int
answers_until_awake(struct fixture *f)
{
    int n = 0;

    while (!is_awake(f)) {
        answer(f);
        cr_assert_leq(++n, 100);
    }
    return n;
}

Test(wake, fruitless_wakes_take_more_and_more_answers)
{
    static const int takes[] = {1, 2, 4, 8, 16, 16, 16};
    struct fixture f;

    init(&f);
    for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
        cr_expect_eq(answers_until_awake(&f), takes[i], "wake %zu", i);
        rest_again(&f, 0);
    }
    cr_assert_eq(answers_until_awake(&f), 16);
    rest_again(&f, 1);
    cr_expect_eq(answers_until_awake(&f), 1, "an upload makes good for all of them");
    rest_again(&f, 0);
    cr_expect_eq(answers_until_awake(&f), 2);
    fini(&f);
}

Test(wake, a_peer_wakes_it_at_any_time_and_is_never_fruitless)
{
    struct fixture f;

    init(&f);
    for (int i = 0; i < 3; i++) {
        torrent_wake(&f.t);
        cr_expect(is_awake(&f));
        rest_again(&f, 0);
    }
    cr_expect_eq(answers_until_awake(&f), 1, "only trackers are believed less");
    rest_again(&f, 0);
    answer(&f);
    cr_expect_not(is_awake(&f));
    torrent_wake(&f.t);
    cr_expect(is_awake(&f), "while answers are skipped, a peer is not");
    fini(&f);
}

Test(wake, an_answer_without_addresses_counts_for_nothing)
{
    const struct announce_result res = {.interval_s = 1800};
    struct announce_job job;
    struct fixture f;

    init(&f);
    cr_assert(announcer_next(f.t.announcer, &job, loop_now(f.env.loop)));
    torrent_wake_on_announced(&f.t, job.id, &res, NULL, 0);
    cr_expect_not(is_awake(&f));
    cr_expect_eq(answers_until_awake(&f), 1);
    rest_again(&f, 0);
    f.t.life.goal = GOAL_PAUSE;
    answer(&f);
    cr_expect_eq(f.t.life.goal, GOAL_PAUSE, "what is paused is not woken");
    fini(&f);
}

/* A peer that connects while the directory of a download is looked at is not turned away, nor is
 * one that comes during the check before. */
Test(wake, a_peer_is_kept_until_the_torrent_runs)
{
    static const struct {
        enum torrent_phase phase;
        enum torrent_job job;
        enum torrent_step held;
        enum torrent_goal goal;
        bool coming;
    } rows[] = {
        {PHASE_IDLE, JOB_NONE, STEP_NONE, GOAL_RUN, true},
        {PHASE_IDLE, JOB_CHECK, STEP_NONE, GOAL_RUN, true},
        {PHASE_IDLE, JOB_NONE, STEP_LOAD, GOAL_RUN, false},
        {PHASE_READY, JOB_NONE, STEP_NONE, GOAL_RUN, true},
        {PHASE_READY, JOB_PREPARE, STEP_NONE, GOAL_RUN, true},
        {PHASE_READY, JOB_NONE, STEP_START, GOAL_RUN, false},
        {PHASE_READY, JOB_NONE, STEP_NONE, GOAL_PAUSE, false},
        {PHASE_RESTING, JOB_NONE, STEP_NONE, GOAL_RUN, true},
        {PHASE_RESTING, JOB_NONE, STEP_NONE, GOAL_REST, false},
        {PHASE_SAVING, JOB_SAVE, STEP_NONE, GOAL_RUN, false},
        {PHASE_STOPPED, JOB_NONE, STEP_NONE, GOAL_STOP, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct torrent t = {.life = {.phase = rows[i].phase,
                                     .job = rows[i].job,
                                     .held = rows[i].held,
                                     .goal = rows[i].goal}};

        cr_expect_eq(torrent_is_coming(&t), rows[i].coming, "row %zu", i);
    }
}
