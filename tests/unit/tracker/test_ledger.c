/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is noted between two flushes. What it comes to in the accounts is test_accounts.c's.
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
    cr_assert_eq(l.page.entries[0].up, 10);
    cr_assert_eq(l.page.entries[0].down, 5);
    cr_assert_eq(l.page.entries[0].key.user, 1);
    ledger_fini(&l);
}

Test(ledger, counters_never_go_back)
{
    struct ledger l;
    struct ledger_entry *e;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 100, 5, TRACKER_EVENT_NONE, 100);
    put(&l, 1, 50, 5, TRACKER_EVENT_NONE, 100);
    e = l.page.entries;
    cr_assert_eq(e->up, 100);
    put(&l, 1, 60, 5, TRACKER_EVENT_STARTED, 100);
    cr_assert_eq(e->up, 60);
    cr_assert_eq(e->first_up, 100);
    cr_assert(e->flags & LEDGER_RESTARTED);
    put(&l, 1, 70, 5, TRACKER_EVENT_STOPPED, 100);
    put(&l, 1, 65, 5, TRACKER_EVENT_NONE, 100 + LEDGER_LATE_S);
    cr_assert_eq(e->up, 70, "it may be late");
    put(&l, 1, 70, 5, TRACKER_EVENT_STOPPED, 300);
    put(&l, 1, 5, 5, TRACKER_EVENT_NONE, 301 + LEDGER_LATE_S);
    cr_assert_eq(e->up, 5, "it can't be that late");
    cr_assert_eq(e->mid_up, 70);
    ledger_fini(&l);
}

Test(ledger, times_tell_which_segment_it_was)
{
    struct ledger l;
    struct ledger_entry *e;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 100, 5, TRACKER_EVENT_NONE, 100);
    put(&l, 1, 100, 5, TRACKER_EVENT_NONE, 110);
    put(&l, 1, 40, 5, TRACKER_EVENT_NONE, 120);
    e = l.page.entries;
    cr_assert_eq(e->rise_s, 100, "neither the same counters nor a late packet move it");
    cr_assert(e->aside_up == 40 && e->aside_s == 120);
    put(&l, 1, 30, 5, TRACKER_EVENT_NONE, 130);
    cr_assert_eq(e->aside_up, 40, "that is late too");
    put(&l, 1, 30, 5, TRACKER_EVENT_NONE, 130 + LEDGER_LATE_S);
    cr_assert(e->aside_up == 30 && e->aside_s == 130 + LEDGER_LATE_S);
    put(&l, 1, 0, 5, TRACKER_EVENT_STARTED, 300);
    put(&l, 1, 7, 5, TRACKER_EVENT_NONE, 310);
    cr_assert(e->first_rise_s == 100 && e->mid_s == 300 && e->segment_s == 300);
    cr_assert(e->rise_s == 310 && (e->flags & LEDGER_SURE));
    put(&l, 1, 3, 5, TRACKER_EVENT_STARTED, 400);
    cr_assert(e->mid_s == 300 && e->segment_s == 400);
    cr_assert_not(e->flags & LEDGER_SURE, "it came with counters");
    ledger_fini(&l);
}

Test(ledger, absurd_counters_change_nothing)
{
    struct ledger l;

    ledger_init(&l, seed, 1000, 50);
    put(&l, 1, 100, 5, TRACKER_EVENT_NONE, 100);
    put(&l, 1, LEDGER_COUNTER_MAX + 1, 5, TRACKER_EVENT_STARTED, 100);
    put(&l, 1, UINT64_MAX, 5, TRACKER_EVENT_NONE, 100);
    cr_assert_eq(l.page.entries[0].up, 100);
    cr_assert_eq(l.page.entries[0].flags & (LEDGER_ABSURD | LEDGER_STARTED | LEDGER_RESTARTED),
                 LEDGER_ABSURD);
    for (int i = 0; i < 300; i++) {
        put(&l, 1, LEDGER_COUNTER_MAX, 5, TRACKER_EVENT_NONE, 100);
        put(&l, 1, 0, 5, TRACKER_EVENT_STARTED, 100);
    }
    cr_assert_leq(l.page.entries[0].mid_up, LEDGER_COUNTER_MAX, "sums are bounded too");
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
    cr_assert_eq(l.page.entries[0].up, 7);
    ledger_page_clear(&page);
    ledger_swap(&l, &page);
    cr_assert_eq(page.count, 1);
    cr_assert_eq(l.page.cap, 128, "its memory is used again");
    put(&l, 1, 8, 1, TRACKER_EVENT_NONE, 100);
    cr_assert_eq(l.page.count, 1);
    ledger_page_fini(&page);
    ledger_fini(&l);
}
