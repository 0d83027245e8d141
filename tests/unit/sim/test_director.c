/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole runs: the seed determines the run, and a run that fails its expectations says so.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/director.h"

static struct result
play(const char *text, uint64_t seed)
{
    struct scenario *sc = calloc(1, sizeof(*sc));
    struct errbuf eb = {{0}};
    struct result r;

    cr_assert_eq(scenario_parse(sc, text, strlen(text), &eb), 0, "%s", eb.text);
    cr_assert_eq(director_play(sc, seed, NULL, &r, &eb), 0, "%s", eb.text);
    free(sc);
    return r;
}

static const char lively[] = "torrent format=hybrid size=2MiB piece=32KiB files=3\n"
                             "net loss=5000 jitter=5ms codec\n"
                             "peers seed have=all\n"
                             "peers leech count=6 join=0s..3s\n"
                             "peers bad have=all hostile=corrupt\n"
                             "every 2s crash leech count=1 for=1s until=8s\n";

Test(director, the_same_seed_is_the_same_run)
{
    struct result a = play(lively, 5), b = play(lively, 5), c = play(lively, 6);

    cr_assert_str_empty(a.failure);
    cr_assert_eq(a.complete, 6);
    cr_assert_eq(a.trace, b.trace);
    cr_assert_eq(a.inputs, b.inputs);
    cr_assert_eq(a.last_us, b.last_us);
    cr_assert_neq(a.trace, c.trace);
}

Test(director, nothing_but_a_seed_is_at_rest)
{
    struct result r = play("torrent size=1MiB\npeers seed have=all\nat 10s heal\n", 1);

    cr_assert_str_empty(r.failure);
    cr_assert_eq(r.wanted, 0);
    cr_assert_lt(r.inputs, 10);
}

Test(director, what_nobody_has_is_not_completed)
{
    struct result r = play("torrent size=1MiB\npeers leech count=2 have=50% lacks-last\n"
                           "limit 1min\n",
                           3);

    cr_assert_str_not_empty(r.failure);
    cr_assert_eq(r.complete, 0);
}

Test(director, an_expectation_can_fail)
{
    struct result r = play("torrent size=4MiB\npeers seed have=all up=64KiB\npeers leech\n"
                           "expect last <= 10s\n",
                           1);

    cr_assert_eq(r.complete, 1);
    cr_assert_str_not_empty(r.failure);
}

static const char by_dht[] = "torrent format=hybrid size=1MiB piece=32KiB\n"
                             "tracker none\n"
                             "dht hosts=10 hostile=3 loss=10000\n"
                             "peers seed have=all join=2s\n"
                             "peers leech count=4 join=10s..12s\n"
                             "limit 2min\n";

Test(director, peers_meet_by_the_dht_alone)
{
    struct result a = play(by_dht, 5), b = play(by_dht, 5), c = play(by_dht, 6);

    cr_assert_str_empty(a.failure);
    cr_assert_eq(a.complete, 4);
    cr_assert_gt(a.met_median_us, 0);
    cr_assert_gt(a.dht_naming, 0, "searches name the torrent");
    cr_assert_eq(a.trace, b.trace);
    cr_assert_eq(a.dht_datagrams, b.dht_datagrams);
    cr_assert_neq(a.trace, c.trace);
}

/* Nothing but datagrams brings the peers together. */
Test(director, without_datagrams_nobody_meets)
{
    char text[sizeof(by_dht) + 64];
    struct result r;

    snprintf(text, sizeof(text), "%sdht loss=1000000\n", by_dht);
    r = play(text, 5);
    cr_assert_str_not_empty(r.failure);
    cr_assert_eq(r.complete, 0);
    cr_assert_eq(r.met_last_us, INT64_MAX);
    cr_assert_gt(r.dht_datagrams, 0);
}

Test(director, the_dht_never_hears_of_a_private_torrent)
{
    struct result r = play("torrent format=hybrid size=1MiB piece=32KiB private\ndht hosts=10\n"
                           "peers seed have=all join=2s\npeers leech count=4 join=10s..12s\n",
                           5);

    cr_assert_str_empty(r.failure);
    cr_assert_eq(r.complete, 4);
    cr_assert_gt(r.dht_datagrams, 0);
    cr_assert_eq(r.dht_naming, 0);
}

Test(director, a_late_meeting_fails)
{
    struct result r = play("torrent size=1MiB\npeers seed have=all\npeers leech\n"
                           "expect met <= 1ms\n",
                           1);

    cr_assert_eq(r.complete, 1);
    cr_assert_str_not_empty(r.failure);
}

Test(director, a_torrent_that_cannot_be)
{
    struct scenario *sc = calloc(1, sizeof(*sc));
    struct errbuf eb;
    struct result r;
    const char *text = "torrent size=1MiB piece=1KiB\npeers a\n";

    cr_assert_eq(scenario_parse(sc, text, strlen(text), &eb), 0);
    cr_assert_eq(director_play(sc, 1, NULL, &r, &eb), SPRAT_E_INVAL);
    free(sc);
}
