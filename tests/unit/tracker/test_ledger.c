/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is noted between two flushes. What it comes to is test_session.c's.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"
#include "tracker/core/ledger.h"

static const uint64_t seed[2] = {1, 2};

static int
put(struct ledger *l, uint8_t peer, uint64_t up, uint64_t left, enum tracker_event event,
    int64_t unix_s)
{
    struct tracker_announce a = {
        .peer_id = {peer}, .uploaded = up, .downloaded = up / 2, .left = left, .event = event};
    struct ledger_note n = {.key = ledger_key_of(&a, 1, 2), .unix_s = unix_s};

    n.hash = ledger_prefetch(l, &n.key);
    return ledger_put(l, &a, &n);
}

Test(ledger, one_entry_a_session)
{
    struct ledger l;

    ledger_init(&l, seed, 1000, 50);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(put(&l, 1, 10, 5, TRACKER_EVENT_NONE, 100), 0);
        cr_assert_eq(put(&l, 2, 10, 5, TRACKER_EVENT_NONE, 100), 0);
    }
    cr_assert_eq(l.page.count, 2);
    cr_assert_eq(l.page.entries[0].top[LEDGER_UP], 10);
    cr_assert_eq(l.page.entries[0].top[LEDGER_DOWN], 5);
    cr_assert_eq(l.page.entries[0].key.user, 1);
    ledger_fini(&l);
}

#define R LEDGER_RESEND_S

Test(ledger, counters_are_maxima)
{
    struct ledger l;
    struct ledger_entry *e;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 40, 5, TRACKER_EVENT_STARTED, 100);
    put(&l, 1, 100, 5, TRACKER_EVENT_NONE, 110);
    put(&l, 1, 50, 5, TRACKER_EVENT_NONE, 120);
    put(&l, 1, 100, 5, TRACKER_EVENT_NONE, 130);
    e = l.page.entries;
    cr_assert_eq(l.page.count, 1);
    cr_assert(e->top[LEDGER_UP] == 100 && e->top_s[LEDGER_UP] == 130);
    cr_assert(e->top[LEDGER_DOWN] == 50 && e->top_s[LEDGER_DOWN] == 130);
    cr_assert(e->open[LEDGER_UP] == 40 && e->open_s == 100);
    cr_assert_eq(e->start_s, 0, "it came with counters");
    cr_assert(e->first_s == 100 && e->last_s == 130);
    ledger_fini(&l);
}

Test(ledger, a_stop_and_a_start_are_noted)
{
    struct ledger l;
    struct ledger_entry *e;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 0, 5, TRACKER_EVENT_STARTED, 100);
    put(&l, 1, 0, 5, TRACKER_EVENT_STARTED, 102);
    put(&l, 1, 70, 5, TRACKER_EVENT_STOPPED, 200);
    put(&l, 1, 70, 5, TRACKER_EVENT_STOPPED, 210);
    put(&l, 1, 80, 5, TRACKER_EVENT_NONE, 200 + R);
    e = l.page.entries;
    cr_assert_eq(l.page.count, 1);
    cr_assert_eq(e->start_s, 102);
    cr_assert(e->stop_s == 200 && e->stop[LEDGER_UP] == 70 && e->stop[LEDGER_DOWN] == 35);
    cr_assert_eq(e->top[LEDGER_UP], 80, "whose it is, session.h decides");
    ledger_fini(&l);
}

Test(ledger, what_cannot_be_merged_gets_another_entry)
{
    struct ledger l;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 70, 5, TRACKER_EVENT_NONE, 100);
    put(&l, 1, 60, 5, TRACKER_EVENT_NONE, 100 + R);
    cr_assert_eq(l.page.count, 1, "it may be late");
    put(&l, 1, 60, 5, TRACKER_EVENT_NONE, 101 + R);
    cr_assert_eq(l.page.count, 2, "it can't be that late");
    put(&l, 1, 10, 5, TRACKER_EVENT_STARTED, 102 + R);
    cr_assert_eq(l.page.count, 3);
    put(&l, 1, 20, 5, TRACKER_EVENT_STOPPED, 103 + R);
    put(&l, 1, 20, 5, TRACKER_EVENT_NONE, 104 + 2 * R);
    cr_assert_eq(l.page.count, 4, "after the end");
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(l.page.entries[i].part, i);
    cr_assert_eq(l.page.entries[1].top[LEDGER_UP], 60);
    put(&l, 1, 30, 5, TRACKER_EVENT_NONE, 105 + 2 * R);
    cr_assert_eq(l.page.entries[3].top[LEDGER_UP], 30, "the last one goes on");
    ledger_fini(&l);
}

Test(ledger, a_session_has_few_entries)
{
    struct ledger l;

    ledger_init(&l, seed, 1000, 50);
    for (int i = 0; i < 100; i++) {
        put(&l, 1, 50, 5, TRACKER_EVENT_NONE, 100 + i);
        put(&l, 1, 0, 5, TRACKER_EVENT_STARTED, 100 + i);
    }
    cr_assert_eq(l.page.count, LEDGER_PARTS_MAX);
    put(&l, 1, 77, 5, TRACKER_EVENT_NONE, 300);
    cr_assert_eq(l.page.count, LEDGER_PARTS_MAX);
    cr_assert_eq(l.page.entries[LEDGER_PARTS_MAX - 1].top[LEDGER_UP], 77);
    ledger_fini(&l);
}

Test(ledger, a_clock_that_is_set_back_stands_still)
{
    struct ledger l;
    struct ledger_entry *e;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 70, 5, TRACKER_EVENT_NONE, 1000);
    put(&l, 1, 90, 0, TRACKER_EVENT_STOPPED, 500);
    e = l.page.entries;
    cr_assert(e->first_s == 1000 && e->last_s == 1000);
    cr_assert(e->top_s[LEDGER_UP] == 1000 && e->stop_s == 1000 && e->completed_s == 1000);
    ledger_fini(&l);
}

Test(ledger, absurd_counters_change_nothing)
{
    struct ledger l;
    struct ledger_entry *e;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, UINT64_MAX, 5, TRACKER_EVENT_STARTED, 90);
    e = l.page.entries;
    cr_assert_eq(e->flags & (LEDGER_ABSURD | LEDGER_COUNTED), LEDGER_ABSURD);
    put(&l, 1, 100, 5, TRACKER_EVENT_NONE, 100);
    put(&l, 1, LEDGER_COUNTER_MAX + 1, 5, TRACKER_EVENT_STOPPED, 110);
    cr_assert_eq(l.page.count, 1);
    cr_assert(e->top[LEDGER_UP] == 100 && e->open[LEDGER_UP] == 100 && e->open_s == 100);
    cr_assert_eq(e->stop_s, 0);
    cr_assert(e->first_s == 90 && e->last_s == 110, "but the client was there");
    ledger_fini(&l);
}

Test(ledger, a_completion_is_what_the_client_says_or_what_left_says)
{
    struct ledger l;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 0, 9, TRACKER_EVENT_NONE, 100);
    put(&l, 1, 0, 0, TRACKER_EVENT_STOPPED, 110);
    put(&l, 1, 0, 0, TRACKER_EVENT_COMPLETED, 120);
    cr_assert_eq(l.page.entries[0].completed_s, 110, "once");
    put(&l, 2, 0, 0, TRACKER_EVENT_COMPLETED, 100);
    cr_assert_eq(l.page.entries[1].completed_s, 100);
    put(&l, 3, 0, 0, TRACKER_EVENT_STARTED, 100);
    put(&l, 3, 0, 0, TRACKER_EVENT_NONE, 110);
    cr_assert_not(l.page.entries[2].flags & LEDGER_COMPLETED, "a seeder");
    put(&l, 4, 0, UINT64_MAX, TRACKER_EVENT_NONE, 100);
    put(&l, 4, 0, 0, TRACKER_EVENT_NONE, 110);
    cr_assert_eq(l.page.entries[3].completed_s, 110, "it did not know the size");
    ledger_fini(&l);
}

Test(ledger, seed_time_is_between_seeding_announces)
{
    struct ledger l;
    struct ledger_entry *e;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 0, 0, TRACKER_EVENT_NONE, 100);
    put(&l, 1, 0, 0, TRACKER_EVENT_NONE, 110);
    put(&l, 1, 0, 0, TRACKER_EVENT_NONE, 110);
    put(&l, 1, 0, 0, TRACKER_EVENT_NONE, 105);
    e = l.page.entries;
    cr_assert_eq(e->seed_s, 10);
    put(&l, 1, 0, 0, TRACKER_EVENT_NONE, 1110);
    cr_assert_eq(e->seed_s, 60, "a long gap counts as 50");
    put(&l, 1, 0, 0, TRACKER_EVENT_STOPPED, 1120);
    cr_assert_eq(e->seed_s, 70);
    put(&l, 1, 0, 0, TRACKER_EVENT_STARTED, 1130);
    put(&l, 1, 0, 9, TRACKER_EVENT_NONE, 1140);
    put(&l, 1, 0, 0, TRACKER_EVENT_NONE, 1150);
    cr_assert_eq(e->seed_s, 70);
    cr_assert_eq(e->first_s, 100);
    e = &l.page.entries[l.page.count - 1];
    cr_assert_eq(e->seed_s, 0, "not while it was stopped, and not while it leeched");
    cr_assert_eq(e->last_s, 1150);
    ledger_fini(&l);
}

Test(ledger, is_bounded_with_room_for_who_leaves)
{
    struct ledger l;
    int n = 0;

    ledger_init(&l, seed, 80, 50);
    while (put(&l, (uint8_t)n, 1, 1, TRACKER_EVENT_NONE, 100) == 0)
        n++;
    cr_assert_eq(n, 70);
    cr_assert(ledger_is_half_full(&l));
    cr_assert_eq(put(&l, 200, 1, 1, TRACKER_EVENT_NONE, 100), SPRAT_E_LIMIT);
    cr_assert_eq(put(&l, 3, 2, 1, TRACKER_EVENT_NONE, 100), 0, "it has an entry");
    for (int i = 0; i < 10; i++)
        cr_assert_eq(put(&l, (uint8_t)(100 + i), 1, 1, TRACKER_EVENT_STOPPED, 100), 0);
    cr_assert_eq(put(&l, 200, 1, 1, TRACKER_EVENT_STOPPED, 100), SPRAT_E_LIMIT);
    ledger_fini(&l);
}

Test(ledger, is_handed_over_as_a_whole)
{
    struct ledger_page page = {.count = 0};
    struct ledger l;

    ledger_init(&l, seed, 1000, 50);
    for (int n = 0; n < 100; n++)
        put(&l, (uint8_t)n, 1, 1, TRACKER_EVENT_NONE, 100);
    ledger_swap(&l, &page);
    cr_assert_eq(page.count, 100);
    cr_assert_eq(l.page.count, 0);
    put(&l, 1, 7, 1, TRACKER_EVENT_NONE, 100);
    cr_assert_eq(l.page.entries[0].top[LEDGER_UP], 7);
    ledger_page_clear(&page);
    ledger_swap(&l, &page);
    cr_assert_eq(page.count, 1);
    cr_assert_eq(l.page.cap, 128, "its memory is used again");
    put(&l, 1, 8, 1, TRACKER_EVENT_NONE, 100);
    cr_assert_eq(l.page.count, 1);
    ledger_page_fini(&page);
    ledger_fini(&l);
}
