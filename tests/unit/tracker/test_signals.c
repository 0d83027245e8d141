/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each kind of signal: when it is raised, and above all when it must not be raised, since an honest
 * member is accused then.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tracker/core/signals.h"

enum { R = LEDGER_RESEND_S, RUN = 7 };

static const uint64_t seed[2] = {1, 2};

struct desk {
    struct session session;
    struct session_rules rules;
    char peer_id[21];
    bool named;
};

static struct desk
desk(void)
{
    return (struct desk){.rules = {.run = RUN,
                                   .gap_max_s = 3600,
                                   .rate_possible = 1 << 20,
                                   .room = {UINT64_MAX, UINT64_MAX}},
                         .peer_id = "-qB4650-abcdefghijkl"};
}

/* A seeder says this; the names of the signals that it raises. */
static const char *
say_as(struct desk *d, int64_t unix_s, uint64_t up, int64_t leechers_s, enum tracker_event event)
{
    static char names[200];
    struct tracker_announce a = {.uploaded = up, .event = event};
    struct ledger_note n = {.unix_s = unix_s, .leechers_s = leechers_s, .named_client = d->named};
    struct session before = d->session;
    struct signal found[SIGNAL_KINDS];
    struct session_gain gain;
    struct ledger l;
    unsigned count;

    memcpy(a.peer_id, d->peer_id, sizeof(a.peer_id));
    n.key = ledger_key_of(&a, 1, 1);
    ledger_init(&l, seed, 100, 3600);
    n.hash = ledger_prefetch(&l, &n.key);
    cr_assert_eq(ledger_put(&l, &a, &n), 0);
    session_add(&d->session, &l.page.entries[0], &d->rules, &gain);
    count = signals_find(&l.page.entries[0], &before, &d->rules, &gain, found);
    ledger_fini(&l);
    names[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        strcat(names, signals_name(found[i].kind));
        strcat(names, " ");
    }
    return names;
}

static const char *
say(struct desk *d, int64_t unix_s, uint64_t up, int64_t leechers_s)
{
    return say_as(d, unix_s, up, leechers_s, TRACKER_EVENT_NONE);
}

#define NONE(...) cr_assert_str_eq(say(__VA_ARGS__), "")

Test(signals, have_names)
{
    cr_assert_str_eq(signals_name(SIGNAL_NO_LEECHERS), "no-leechers");
    cr_assert_str_eq(signals_name(SIGNAL_KINDS), "unknown");
    cr_assert_str_eq(signals_name(-1), "unknown");
}

/* ---- no-leechers ---- */

Test(signals, no_leechers)
{
    struct desk d = desk();

    NONE(&d, 10000, 0, 10000);
    NONE(&d, 12000, 50, 10000);
    cr_assert_str_eq(say(&d, 14000, 60, 10000), "no-leechers ");
}

Test(signals, no_leechers_not_for_nothing)
{
    struct desk d = desk();

    NONE(&d, 10000, 50, 5000);
    NONE(&d, 12000, 50, 5000);
    NONE(&d, 14000, 40, 5000);
}

/* The last leecher completed within the second of the seeder's announce, or a moment before it, and
 * blocks were in flight; clocks count seconds from different moments. */
Test(signals, no_leechers_not_for_blocks_in_flight_and_rounding)
{
    for (int64_t ago_s = 0; ago_s <= R + 2; ago_s++) {
        struct desk d = desk();

        NONE(&d, 10000, 0, 10000);
        NONE(&d, 12000, 1000, 12000 - ago_s);
        NONE(&d, 14000, 1500, 12000 - ago_s);
    }
}

/* The previous announce was made before the last leecher left, and arrived R late. */
Test(signals, no_leechers_not_for_late_announces)
{
    struct desk d = desk();

    NONE(&d, 10000, 0, 10000);
    NONE(&d, 12000 + R, 1000, 12001);
    NONE(&d, 14000, 1500, 12001);
}

/* Half an hour later the clock shows a time two hours back, and an hour back. */
Test(signals, no_leechers_not_for_a_clock_that_is_set)
{
    for (uint32_t back_s = 3600; back_s <= 7200; back_s += 3600) {
        struct desk d = desk();

        NONE(&d, 20000, 0, 20000);
        d.rules.back_s = back_s;
        NONE(&d, 21800 - back_s, 100, 20300 - back_s);
        NONE(&d, 23600 - back_s, 200, 22000 - back_s);
        d = desk();
        NONE(&d, 20000, 0, 20000);
        NONE(&d, 21800 + back_s, 100, 20300 + back_s);
    }
}

/* Another tracker of the fleet, or the same after a restart, does not know of leechers before. */
Test(signals, no_leechers_not_across_trackers)
{
    struct desk d = desk();

    NONE(&d, 10000, 0, 10000);
    d.rules.run++;
    NONE(&d, 12000, 100, 5000);
    d.rules.run--;
    NONE(&d, 14000, 200, 5000);
}

/* ---- rate ---- */

Test(signals, rate)
{
    struct desk d = desk();

    NONE(&d, 10000, 0, 10000);
    cr_assert_str_eq(say(&d, 10001, UINT64_C(1) << 40, 10001), "rate ");
}

/* The first word is a baseline: a client may have moved that before the tracker knew of it. */
Test(signals, rate_not_for_the_first_announce)
{
    struct desk d = desk();

    cr_assert_str_eq(say_as(&d, 10000, UINT64_C(1) << 55, 10000, TRACKER_EVENT_STARTED), "");
}

/* A line that is as fast as is possible: in the same second, a second of rounding, and with a late
 * announce before one on time. */
Test(signals, rate_not_for_a_fast_line)
{
    struct desk d = desk();
    uint64_t rate = d.rules.rate_possible;

    NONE(&d, 10000 + R, 0, 10000);
    NONE(&d, 10001 + R, rate * (R + 1), 10001 + R);
    NONE(&d, 12000, rate * 2000, 12000);
    NONE(&d, 12000, rate * 2000, 12000);
}

Test(signals, rate_not_for_a_clock_that_is_set)
{
    struct desk d = desk();

    NONE(&d, 10000, 0, 10000);
    d.rules.back_s = 5000;
    NONE(&d, 6800, d.rules.rate_possible * 1800, 6800);
}

/* ---- unknown-client ---- */

Test(signals, unknown_client)
{
    struct desk d = desk();

    memcpy(d.peer_id, "??nobody-knows-it???", 21);
    cr_assert_str_eq(say(&d, 10000, 0, 10000), "unknown-client ");
    NONE(&d, 12000, 0, 12000);
    NONE(&d, 9000, 0, 9000);
}

Test(signals, unknown_client_not_if_a_rule_allows_it)
{
    struct desk d = desk();

    memcpy(d.peer_id, "??nobody-knows-it???", 21);
    d.named = true;
    NONE(&d, 10000, 0, 10000);
}

/* ---- absurd-counters ---- */

Test(signals, absurd_counters)
{
    struct desk d = desk();

    NONE(&d, 10000, LEDGER_COUNTER_MAX, 10000);
    cr_assert_str_eq(say(&d, 12000, LEDGER_COUNTER_MAX + 1, 12000), "absurd-counters ");
    NONE(&d, 14000, 5, 14000);
}
