/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bans that are stored and read again, with the end of a ban as the only clock.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "peer/store/statebans.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/store/heldsync.h"

enum { NOW = 1000000, DAY = 86400 };

static struct endpoint
v4(uint32_t number)
{
    return (struct endpoint){
        .family = IP_V4,
        .port = 6881,
        .ip = {203, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

static void
note_done(void *user, int err, const char *why)
{
    cr_expect_eq(err, 0, "%s", why);
    ++*(int *)user;
}

static void
put(struct state *st, const struct state_ban *bans, size_t count, int64_t now)
{
    struct doneq *q = doneq_new(NULL, NULL);
    int done = 0;

    cr_assert_eq(state_put_bans_async(st, bans, count, now, q, note_done, &done), 0);
    while (done == 0)
        doneq_wait(q, 1000);
    doneq_free(q);
}

static int
load(struct state *st, int64_t now, struct state_ban *out)
{
    struct errbuf eb = {0};
    int n = state_load_bans(st, now, now + DAY, out, &eb);

    cr_assert_geq(n, 0, "%s", eb.text);
    return n;
}

Test(statebans, bans_come_back_and_end)
{
    struct state_ban *got = calloc(STATE_BANS_MAX, sizeof(*got));
    struct endpoint six = {.family = IP_V6, .port = 1, .zone = 3, .ip = {0x20, 1, [15] = 9}};
    struct state_ban bans[] = {{v4(1), NOW + 100}, {six, NOW + 300}, {v4(2), NOW + 200}};
    struct fixture f;
    struct state *st;

    fixture_init(&f);
    st = fixture_open_state(&f);
    cr_expect_eq(load(st, NOW, got), 0);
    put(st, bans, 3, NOW);
    state_close(st);
    st = fixture_open_state(&f);
    cr_assert_eq(load(st, NOW + 99, got), 3);
    cr_expect_eq(got[0].until, NOW + 300);
    cr_expect_eq(got[0].site.family, IP_V6);
    cr_expect_eq(got[0].site.ip[15], 0, "a site is a network");
    cr_expect_eq(got[0].site.port, 0);
    cr_expect_eq(got[0].site.zone, 0u);
    cr_expect_eq(got[1].site.ip[3], 2);
    cr_expect_eq(got[2].site.ip[3], 1);
    cr_assert_eq(load(st, NOW + 100, got), 2, "the ban ends at its time");
    cr_assert_eq(load(st, NOW, got), 2, "a ban that has ended is deleted");
    state_close(st);
    fixture_fini(&f);
    free(got);
}

Test(statebans, a_ban_keeps_its_later_end)
{
    struct state_ban *got = calloc(STATE_BANS_MAX, sizeof(*got));
    struct state_ban late = {v4(1), NOW + 200}, early = {v4(1), NOW + 100};
    struct fixture f;
    struct state *st;

    fixture_init(&f);
    st = fixture_open_state(&f);
    put(st, &late, 1, NOW);
    put(st, &early, 1, NOW);
    cr_assert_eq(load(st, NOW, got), 1);
    cr_expect_eq(got[0].until, NOW + 200);
    state_close(st);
    fixture_fini(&f);
    free(got);
}

/* The clock was ahead when the ban was stored, and is right now. */
Test(statebans, a_wrong_clock_bans_nobody_for_ever)
{
    struct state_ban *got = calloc(STATE_BANS_MAX, sizeof(*got));
    struct state_ban ban = {v4(1), NOW + 1000 * DAY};
    struct fixture f;
    struct state *st;

    fixture_init(&f);
    st = fixture_open_state(&f);
    put(st, &ban, 1, NOW + 999 * DAY);
    cr_assert_eq(load(st, NOW, got), 1);
    cr_expect_eq(got[0].until, NOW + DAY);
    cr_assert_eq(load(st, NOW + DAY / 2, got), 1);
    cr_expect_eq(got[0].until, NOW + DAY, "each start does not prolong it");
    cr_expect_eq(load(st, NOW + DAY, got), 0);
    state_close(st);
    fixture_fini(&f);
    free(got);
}

Test(statebans, the_ban_that_ends_first_makes_room)
{
    enum { MORE = 10 };
    struct state_ban *bans = calloc(STATE_BANS_MAX + MORE, sizeof(*bans));
    struct fixture f;
    struct state *st;

    fixture_init(&f);
    st = fixture_open_state(&f);
    for (uint32_t i = 0; i < STATE_BANS_MAX + MORE; i++)
        bans[i] = (struct state_ban){v4(i), NOW + 1 + i};
    put(st, bans, STATE_BANS_MAX + MORE, NOW);
    cr_assert_eq(load(st, NOW, bans), STATE_BANS_MAX);
    cr_expect_eq(bans[0].until, NOW + STATE_BANS_MAX + MORE);
    cr_expect_eq(bans[STATE_BANS_MAX - 1].until, NOW + 1 + MORE);
    put(st, bans, 1, NOW + 100);
    cr_expect_lt(load(st, NOW, bans), STATE_BANS_MAX,
                 "a ban that has ended is deleted by the next");
    state_close(st);
    fixture_fini(&f);
    free(bans);
}

Test(statebans, storing_a_ban_waits_for_no_sync)
{
    struct state_ban ban = {v4(1), NOW + 100};
    struct doneq *q = doneq_new(NULL, NULL);
    struct fixture f;
    struct state *st;
    int done = 0;

    fixture_init(&f);
    st = fixture_open_state(&f);
    heldsync_hold(f.state_dir);
    cr_assert_eq(state_put_bans_async(st, &ban, 1, NOW, q, note_done, &done), 0);
    heldsync_await(1);
    doneq_drain(q);
    cr_expect_eq(done, 0, "nothing is said to be stored before its sync");
    heldsync_let_go();
    while (done == 0)
        doneq_wait(q, 1000);
    doneq_free(q);
    state_close(st);
    fixture_fini(&f);
}
