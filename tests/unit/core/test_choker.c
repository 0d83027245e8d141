/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The choker's rules, single rounds and simulated hours.
 */
#include "peer/core/choker.h"

#include <criterion/criterion.h>
#include <string.h>

enum { N = 12 };

static struct choker choker;
static struct rng rng;
static struct choker_candidate cands[N];

static struct mono
at_s(int64_t s)
{
    return (struct mono){s * 1000000};
}

/* N interested, choked peers that connected long ago and send nothing. */
static void
start(void)
{
    choker_init(&choker);
    rng_init(&rng, 6);
    memset(cands, 0, sizeof(cands));
    for (uint32_t i = 0; i < N; i++)
        cands[i] = (struct choker_candidate){.id = i + 1, .interested = true};
}

/* Runs a round and applies its decisions. Returns the number of unchoked peers. */
static uint32_t
run(uint32_t slots, bool seeding, struct mono now)
{
    uint32_t n = 0;

    choker_run(&choker, cands, N, slots, seeding, now, &rng);
    for (uint32_t i = 0; i < N; i++) {
        cr_assert(!cands[i].unchoke || (cands[i].interested && !cands[i].upload_only));
        if (cands[i].unchoke && !cands[i].unchoked) {
            cands[i].unchoked_at = now;
            cands[i].given = 0;
        }
        cands[i].unchoked = cands[i].unchoke;
        n += cands[i].unchoke;
    }
    cr_assert_leq(n, slots);
    return n;
}

Test(choker, nobody_and_no_slots)
{
    start();
    choker_run(&choker, NULL, 0, 4, false, at_s(1000), &rng);
    choker_run(&choker, NULL, 0, 4, true, at_s(1000), &rng);
    cr_assert_eq(run(0, false, at_s(1000)), 0u);
    cr_assert_eq(run(0, true, at_s(1000)), 0u);
}

Test(choker, the_best_givers_and_one_by_chance)
{
    start();
    for (uint32_t i = 0; i < N; i++)
        cands[i].down_rate = 1000 * (i + 1);
    cr_assert_eq(run(4, false, at_s(1000)), 4u);
    cr_assert(cands[N - 1].unchoke && cands[N - 2].unchoke && cands[N - 3].unchoke);
    cr_assert_neq(choker.optimistic, 0u);
    cr_assert(cands[choker.optimistic - 1].unchoke);
    cr_assert_leq(choker.optimistic, (uint64_t)N - 3);
}

Test(choker, only_who_is_interested_and_can_use_it)
{
    for (int seeding = 0; seeding < 2; seeding++) {
        start();
        for (uint32_t i = 0; i < N; i++) {
            cands[i].interested = i % 3 == 0;
            cands[i].upload_only = i == 3;
            cands[i].down_rate = 5;
        }
        cr_assert_eq(run(N, seeding, at_s(1000)), 3u);
        cr_assert(cands[0].unchoke && cands[6].unchoke && cands[9].unchoke);
    }
}

Test(choker, a_snubbed_one_gets_only_the_optimistic_slot)
{
    start();
    for (uint32_t i = 0; i < N; i++) {
        cands[i].down_rate = 1000;
        cands[i].snubbed = i > 0;
    }
    cr_assert_eq(run(6, false, at_s(1000)), 2u);
    cr_assert(cands[0].unchoke);
    cr_assert_neq(choker.optimistic, 1u);
    start();
    for (uint32_t i = 0; i < N; i++)
        cands[i].snubbed = true;
    cr_assert_eq(run(6, true, at_s(1000)), 6u, "a seed owes nobody and is owed nothing");
}

Test(choker, one_slot_is_for_the_best_giver)
{
    start();
    cands[7].down_rate = 9;
    for (int t = 0; t < 20; t++) {
        cr_assert_eq(run(1, false, at_s(1000 + t * 10)), 1u);
        cr_assert(cands[7].unchoke);
    }
}

Test(choker, the_optimistic_one_stays_for_its_time)
{
    uint64_t first;

    start();
    for (uint32_t i = 0; i < N; i++)
        cands[i].down_rate = i < 3 ? 1000 : 1;
    run(4, false, at_s(1000));
    first = choker.optimistic;
    cr_assert_gt(first, 3u);
    for (int t = 1; t < 30; t++) {
        run(4, false, at_s(1000 + t));
        cr_assert_eq(choker.optimistic, first);
        cr_assert(cands[first - 1].unchoke);
    }
    run(4, false, at_s(1030));
    cr_assert_neq(choker.optimistic, first);
    cr_assert_not(cands[first - 1].unchoke);
}

Test(choker, who_earns_a_slot_leaves_the_optimistic_one_to_another)
{
    uint64_t first;

    start();
    for (uint32_t i = 0; i < N; i++)
        cands[i].down_rate = i < 3 ? 1000 : 1;
    run(4, false, at_s(1000));
    first = choker.optimistic;
    cands[first - 1].down_rate = 5000;
    cr_assert_eq(run(4, false, at_s(1010)), 4u);
    cr_assert(cands[first - 1].unchoke);
    cr_assert_neq(choker.optimistic, first);
}

Test(choker, an_optimistic_one_that_lost_interest_or_left_is_replaced)
{
    uint64_t first;

    start();
    for (uint32_t i = 0; i < N; i++)
        cands[i].down_rate = i < 3 ? 1000 : 1;
    run(4, false, at_s(1000));
    first = choker.optimistic;
    cands[first - 1].interested = false;
    cr_assert_eq(run(4, false, at_s(1001)), 4u);
    cr_assert_neq(choker.optimistic, first);
    cands[choker.optimistic - 1].id = 999;
    cr_assert_eq(run(4, false, at_s(1002)), 4u);
}

Test(choker, the_only_candidate_stays_optimistic)
{
    start();
    for (uint32_t i = 1; i < N; i++)
        cands[i].interested = false;
    cands[0].snubbed = true;
    for (int t = 0; t < 20; t++) {
        cr_assert_eq(run(4, false, at_s(1000 + t * 10)), 1u);
        cr_assert(cands[0].unchoke);
    }
}

Test(choker, newcomers_are_three_times_as_likely)
{
    uint32_t new_ones = 0, rounds = 4000;

    start();
    for (uint32_t i = 0; i < N; i++)
        cands[i].down_rate = i < 3 ? 1000 : 1;
    for (uint32_t t = 0; t < rounds; t++) {
        struct mono now = at_s(1000 + (int64_t)t * 30);

        cands[5].connected_at = (struct mono){now.us - 59000000};
        run(4, false, now);
        new_ones += choker.optimistic == 6;
    }
    /* 9 candidates but for the last one: 9 tickets of 33 or 30; not twice in a row. */
    cr_assert(new_ones > rounds * 19 / 100 && new_ones < rounds * 25 / 100, "%u of %u", new_ones,
              rounds);
}

Test(choker, while_nobody_gives_all_get_a_turn)
{
    uint32_t turns[N] = {0};

    start();
    for (int t = 0; t < 200; t++) {
        cr_assert_eq(run(4, false, at_s(1000 + t * 10)), 4u);
        for (uint32_t i = 0; i < N; i++)
            turns[i] += cands[i].unchoke;
    }
    for (uint32_t i = 0; i < N; i++)
        cr_assert_geq(turns[i], 20u, "%u: %u of 200", i, turns[i]);
}

Test(choker, a_round_in_between_changes_nothing)
{
    bool before[N];

    for (int seeding = 0; seeding < 2; seeding++) {
        start();
        for (uint32_t i = 0; i < N; i++)
            cands[i].down_rate = i < 2 ? 100 : 0;
        run(5, seeding, at_s(1000));
        for (int t = 1; t < 25; t++) {
            for (uint32_t i = 0; i < N; i++)
                before[i] = cands[i].unchoked;
            run(5, seeding, at_s(1000 + t));
            for (uint32_t i = 0; i < N; i++)
                cr_assert_eq(cands[i].unchoked, before[i]);
        }
    }
}

Test(choker, a_seed_goes_round_by_quota)
{
    uint64_t total[N] = {0}, least = UINT64_MAX, most = 0;

    start();
    for (int t = 0; t < 600; t++) {
        cr_assert_eq(run(4, true, at_s(1000 + t * 10)), 4u);
        for (uint32_t i = 0; i < N; i++) {
            uint64_t bytes = cands[i].unchoked ? 10000000 : 0; /* all equally fast */

            cands[i].given += bytes;
            cands[i].up_rate = bytes / 10;
            total[i] += bytes;
        }
    }
    for (uint32_t i = 0; i < N; i++) {
        least = total[i] < least ? total[i] : least;
        most = total[i] > most ? total[i] : most;
    }
    cr_assert_geq(least * 10, most * 7, "%lu to %lu", (unsigned long)least, (unsigned long)most);
}

Test(choker, a_slow_peer_does_not_sit_on_a_seeds_slot)
{
    start();
    cr_assert_eq(run(2, true, at_s(1000)), 2u);
    for (uint32_t i = 0; i < N; i++)
        cands[i].up_rate = cands[i].unchoked ? 100 : 0;
    for (int t = 1; t < 12; t++) {
        bool was[N];

        for (uint32_t i = 0; i < N; i++)
            was[i] = cands[i].unchoked;
        run(2, true, at_s(1000 + t * 10));
        for (uint32_t i = 0; i < N; i++)
            cr_assert_eq(cands[i].unchoked, was[i], "its turn is not over");
    }
    for (uint32_t i = 0; i < N; i++)
        cands[i].id += cands[i].unchoked ? 100 : 0; /* marks the peers that had the slot */
    run(2, true, at_s(1120));
    for (uint32_t i = 0; i < N; i++)
        cr_assert(!cands[i].unchoked || cands[i].id < 100);
}

Test(choker, a_turn_goes_on_while_nobody_waits)
{
    start();
    for (uint32_t i = 2; i < N; i++)
        cands[i].interested = false;
    for (int t = 0; t < 100; t++) {
        cr_assert_eq(run(3, true, at_s(1000 + t * 10)), 2u);
        cands[0].given += 10000000;
    }
}

Test(choker, the_same_seed_decides_the_same)
{
    static struct choker_candidate first[N];

    for (int round = 0; round < 2; round++) {
        start();
        for (int t = 0; t < 50; t++)
            run(4, t > 25, at_s(1000 + t * 10));
        if (round == 0)
            memcpy(first, cands, sizeof(first));
    }
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(first[i].unchoke, cands[i].unchoke);
}

Test(choker, slots_grow_with_the_limit)
{
    uint32_t last = 0;

    cr_assert_eq(choker_slots(0), (uint32_t)CHOKER_SLOTS_MAX);
    cr_assert_eq(choker_slots(1), (uint32_t)CHOKER_SLOTS_MIN);
    cr_assert_eq(choker_slots(UINT64_MAX), (uint32_t)CHOKER_SLOTS_MAX);
    cr_assert_eq(choker_slots(100 * 2048), 10u);
    for (uint64_t limit = 1; limit < (1u << 30); limit *= 2) {
        cr_assert_geq(choker_slots(limit), last);
        last = choker_slots(limit);
    }
}

/* An interested, unchoked peer that requests nothing gives its slot to the next peer that waits,
 * also when there are more such peers than slots. */
Test(choker, who_makes_no_use_of_a_turn_keeps_nobody_out)
{
    for (int seeding = 0; seeding < 2; seeding++) {
        start();
        cands[N - 1].interested = false;
        cr_assert_eq(run(4, seeding, at_s(1000)), 4u);
        for (uint32_t i = 0; i < N; i++) {
            cands[i].idle = cands[i].unchoked;
            cands[i].wasted = !cands[i].unchoked;
        }
        cands[N - 1].interested = true;
        cands[N - 1].wasted = false;
        cr_assert_eq(run(4, seeding, at_s(1006)), 4u);
        cr_assert(cands[N - 1].unchoke, "seeding %d", seeding);
    }
}

Test(choker, who_made_no_use_of_a_turn_still_gets_a_free_slot)
{
    for (int seeding = 0; seeding < 2; seeding++) {
        start();
        for (uint32_t i = 0; i < N; i++)
            cands[i].wasted = true;
        cr_assert_eq(run(N, seeding, at_s(1000)), (uint32_t)N);
    }
}

/* Seeding: a peer that uses little of its slot gives it to the next peer that waits, and then waits
 * behind the peers that were not slow. If no other peer waits, it keeps its slot. */
Test(choker, a_slow_turn_ends_when_others_wait)
{
    for (unsigned slow = 0; slow <= 4; slow++) {
        start();
        cands[N - 1].interested = cands[N - 2].interested = false;
        cr_assert_eq(run(4, true, at_s(1000)), 4u);
        for (uint32_t i = 0, found = 0; i < N; i++) {
            cands[i].slow = cands[i].unchoked && found++ < slow;
            cands[i].interested = cands[i].unchoked;
        }
        cr_assert_eq(run(4, true, at_s(1030)), 4u);
        cands[N - 1].interested = cands[N - 2].interested = true;
        cands[N - 2].was_slow = true;
        cr_assert_eq(run(4, true, at_s(1031)), 4u);
        cr_assert_eq(cands[N - 1].unchoke, slow >= 1);
        cr_assert_eq(cands[N - 2].unchoke, slow >= 2);
    }
}

Test(choker, an_idle_optimistic_one_is_replaced)
{
    uint64_t first;

    start();
    for (uint32_t i = 0; i < N; i++)
        cands[i].down_rate = i < 3 ? 1000 : 1;
    run(4, false, at_s(1000));
    first = choker.optimistic;
    cands[first - 1].idle = true;
    run(4, false, at_s(1006));
    cr_assert_neq(choker.optimistic, first);
}
