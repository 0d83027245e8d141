/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What entries come to: the rules of session.h one by one. That they keep its theorem is
 * test_session_truth.c's.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tracker/core/session.h"

enum { R = LEDGER_RESEND_S, GAP_S = 3600, RUN = 7 };

#define S TRACKER_EVENT_STARTED
#define N TRACKER_EVENT_NONE
#define C TRACKER_EVENT_COMPLETED
#define E TRACKER_EVENT_STOPPED

static const uint64_t seed[2] = {1, 2};

struct desk {
    struct session session;
    struct session_rules rules;
    uint64_t up, down, held, seed_s;
    unsigned completed;
};

static struct desk
desk(void)
{
    return (struct desk){.rules = {.run = RUN,
                                   .gap_max_s = GAP_S,
                                   .rate_possible = UINT64_C(1) << 40,
                                   .room = {UINT64_MAX, UINT64_MAX}}};
}

/* A client says this to a tracker, whose ledger is flushed at once. */
static void
say(struct desk *d, int64_t unix_s, uint64_t up, uint64_t down, uint64_t left,
    enum tracker_event event)
{
    struct tracker_announce a = {.uploaded = up, .downloaded = down, .left = left, .event = event};
    struct ledger_note n = {.key = ledger_key_of(&a, 1, 1), .unix_s = unix_s};
    struct session_gain gain;
    struct ledger l;

    ledger_init(&l, seed, 100, GAP_S);
    n.hash = ledger_prefetch(&l, &n.key);
    cr_assert_eq(ledger_put(&l, &a, &n), 0);
    session_add(&d->session, &l.page.entries[0], &d->rules, &gain);
    ledger_fini(&l);
    d->up += gain.bytes[LEDGER_UP];
    d->down += gain.bytes[LEDGER_DOWN];
    d->held += gain.held[LEDGER_UP];
    d->seed_s += gain.seed_s;
    d->completed += gain.completed_s != 0;
}

static void
up(struct desk *d, int64_t unix_s, uint64_t counter, enum tracker_event event)
{
    say(d, unix_s, counter, 0, 9, event);
}

Test(session, differences_add_up)
{
    struct desk d = desk();

    say(&d, 1000, 0, 0, 9, S);
    say(&d, 2000, 100, 10, 9, N);
    say(&d, 2005, 90, 5, 9, N);
    say(&d, 3000, 150, 12, 9, N);
    cr_assert(d.up == 150 && d.down == 12);
}

Test(session, the_first_announce_is_a_baseline)
{
    struct desk d = desk();

    up(&d, 1000, UINT64_C(1) << 55, S);
    cr_assert(d.up == 0 && d.held == 0);
    up(&d, 3000, (UINT64_C(1) << 55) + 50, N);
    cr_assert_eq(d.up, 50);
}

/* It had announced before to a tracker of the fleet that was heard later. */
Test(session, an_earlier_announce_is_an_earlier_baseline)
{
    struct desk d = desk();

    up(&d, 5000, 700, N);
    d.rules.run++;
    up(&d, 1000, 0, S);
    cr_assert_eq(d.up, 700);
}

Test(session, a_baseline_cannot_be_lost)
{
    struct desk d = desk();
    uint64_t much = UINT64_C(1) << 50;

    up(&d, 1000, much, S);
    up(&d, 1001, 1, E);
    up(&d, 1002, much, N);
    up(&d, 1003 + 2 * R, much + 5, N);
    up(&d, 1004 + 2 * R, 0, S);
    cr_assert_leq(d.up, 6);
}

Test(session, a_late_started_alone_begins_nothing)
{
    struct desk d = desk();

    say(&d, 1000, 0, 0, 10, S);
    say(&d, 1010, 0, 10, 0, C);
    say(&d, 1015, 0, 0, 10, S);
    say(&d, 1020, 0, 10, 0, C);
    say(&d, 1010 + R, 0, 0, 10, S);
    say(&d, 9000, 0, 10, 0, N);
    cr_assert_eq(d.down, 10);
    cr_assert_eq(d.completed, 1);
}

Test(session, stopped_and_started_begin_a_segment)
{
    struct desk d = desk();

    up(&d, 1000, 0, S);
    up(&d, 2000, 100, E);
    up(&d, 2010, 0, S);
    up(&d, 2020, 30, N);
    cr_assert_eq(d.up, 100, "that may be late, and is said again");
    up(&d, 2001 + R, 40, N);
    cr_assert_eq(d.up, 140);
    up(&d, 4000, 250, N);
    cr_assert_eq(d.up, 350);
}

Test(session, a_started_may_come_in_before_the_stopped)
{
    struct desk d = desk();

    up(&d, 1000, 0, S);
    up(&d, 2010, 0, S);
    d.rules.run++;
    up(&d, 2000, 100, E);
    up(&d, 4000, 250, N);
    cr_assert_eq(d.up, 350);
}

Test(session, a_client_may_go_on_counting)
{
    struct desk d = desk();

    up(&d, 1000, 0, S);
    up(&d, 2000, 100, E);
    up(&d, 3000, 100, S);
    up(&d, 4000, 130, N);
    up(&d, 5000, 130, E);
    up(&d, 9000, 170, N);
    cr_assert_eq(d.up, 170);
}

Test(session, silence_and_a_started_begin_a_segment)
{
    struct desk d = desk();

    up(&d, 1000, 0, S);
    up(&d, 2000, 100, N);
    up(&d, 2000 + GAP_S, 0, S);
    up(&d, 4000 + GAP_S, 90, N);
    cr_assert_eq(d.up, 100, "it was not silent long enough");
    up(&d, 4001 + 2 * GAP_S, 0, S);
    up(&d, 8000 + 2 * GAP_S, 20, N);
    cr_assert_eq(d.up, 120);
}

Test(session, lower_counters_alone_begin_nothing)
{
    struct desk d = desk();

    say(&d, 1000, 0, 0, 9, S);
    say(&d, 2000, 100, 100, 9, N);
    say(&d, 9000, 110, 90, 9, N); /* it takes back what it downloaded in vain */
    say(&d, 99000, 120, 110, 9, N);
    cr_assert(d.up == 120 && d.down == 110);
}

/* ---- what is not possible ---- */

Test(session, what_is_not_possible_is_held_aside)
{
    struct desk d = desk();

    d.rules.rate_possible = 1000;
    up(&d, 1000, 0, S);
    up(&d, 1100, 1000 * (100 + R) + 1, N);
    cr_assert(d.up == 0 && d.held == 1);
    up(&d, 1200, 70000, N);
    cr_assert_eq(d.up, 70000, "what is said afterwards counts");
    up(&d, 1300, UINT64_C(1) << 55, E);
    cr_assert_eq(d.up, 70000);
    cr_assert_gt(d.held, UINT64_C(1) << 54);
    up(&d, 1400, 80000, E);
    cr_assert_eq(d.up, 80000);
}

Test(session, segments_do_not_make_more_possible)
{
    struct desk d = desk();
    int64_t now_s = 1000;

    d.rules.rate_possible = 1000;
    for (int i = 0; i < 50; i++, now_s += 2 * R + 2) {
        up(&d, now_s, 0, S);
        up(&d, now_s + R + 1, UINT64_C(1) << 40, E);
    }
    cr_assert_leq(d.up, 1000 * (uint64_t)(now_s - 1000 + R));
}

Test(session, a_user_has_no_more_than_their_room)
{
    struct desk d = desk();

    up(&d, 1000, 0, S);
    d.rules.room[LEDGER_UP] = 99;
    up(&d, 2000, 100, N);
    cr_assert(d.up == 0 && d.held == 1);
    d.rules.room[LEDGER_UP] = 100;
    up(&d, 3000, 100, N);
    cr_assert_eq(d.up, 100);
}

/* At the whole rate, announced late and on time in turns, by a clock that is set back once. */
Test(session, a_fast_line_is_not_held_aside)
{
    struct desk d = desk();
    uint64_t rate = 1000;
    int64_t back_s = 0;

    d.rules.rate_possible = rate;
    for (int64_t s = 0; s < 50 * 1800; s += 1800) {
        if (s == 20 * 1800) {
            back_s = 7200;
            d.rules.back_s = 7200;
        }
        up(&d, 100000 + s - back_s + (s % 3600 == 0 ? R : 0), rate * (uint64_t)s, s == 0 ? S : N);
    }
    cr_assert_eq(d.held, 0);
    cr_assert_eq(d.up, rate * 49 * 1800);
}

/* ---- the rest ---- */

Test(session, a_clock_that_is_set_back_counts_nothing_twice)
{
    struct desk d = desk();

    up(&d, 10000, 0, S);
    up(&d, 12000, 100, N);
    up(&d, 5000, 120, E);
    up(&d, 5010, 120, E);
    up(&d, 13000, 120, N);
    cr_assert_eq(d.up, 120);
}

Test(session, left_that_falls_to_0_is_a_completion)
{
    struct desk d = desk();

    say(&d, 1000, 0, 0, 50, S);
    say(&d, 2000, 0, 50, 0, E); /* rtorrent, whose "completed" waits for a hash check */
    cr_assert_eq(d.completed, 1);
    say(&d, 3000, 0, 50, 0, C);
    cr_assert_eq(d.completed, 1, "once");
}

Test(session, a_seeder_does_not_complete)
{
    struct desk d = desk();

    say(&d, 1000, 0, 0, 0, S);
    say(&d, 2000, 5, 0, 0, N);
    say(&d, 3000, 5, 0, 0, E);
    cr_assert_eq(d.completed, 0);
}

Test(session, trackers_may_tell_of_a_completion_in_any_order)
{
    struct desk d = desk();

    say(&d, 5000, 0, 50, 0, N);
    cr_assert_eq(d.completed, 0);
    d.rules.run++;
    say(&d, 1000, 0, 0, 50, S);
    cr_assert_eq(d.completed, 1);
}

Test(session, seed_time_is_between_announces_that_seed)
{
    struct desk d = desk();

    say(&d, 1000, 0, 0, 0, S);
    say(&d, 1010, 0, 0, 0, N);
    say(&d, 1010 + GAP_S + 1, 0, 0, 0, N);
    cr_assert_eq(d.seed_s, 10 + GAP_S);
    say(&d, 1020 + GAP_S + 1, 0, 0, 0, E);
    say(&d, 2000 + GAP_S, 0, 0, 0, S);
    cr_assert_eq(d.seed_s, 20 + GAP_S, "not while it was stopped");
    d.rules.run++;
    say(&d, 1005, 0, 0, 0, N);
    cr_assert_eq(d.seed_s, 20 + GAP_S, "another tracker's, of a time that has counted");
}
