/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Small runs of the simulated DHT: searches find who announced, with few queries, whatever the
 * hostile hosts do. The large runs are made with sprat-dht-sim.
 */
#include <criterion/criterion.h>

#include "tests/sim/dhtplay.h"

#define SECONDS(n) ((int64_t)(n)*1000000)

static struct dhtnet_spec
small(void)
{
    return (struct dhtnet_spec){.seed = 1,
                                .nodes = 120,
                                .bootstraps = 4,
                                .hostile_percent = 20,
                                .half_life_us = SECONDS(3600),
                                .loss = 10000,
                                .jitter_us = 20000,
                                .join_us = SECONDS(120),
                                .duration_us = SECONDS(1200),
                                .torrents = 20,
                                .search_us = SECONDS(2)};
}

static void
assert_finds(const struct dhtnet_spec *spec, uint32_t percent)
{
    struct dhtplay_result r;

    dhtplay(spec, &r);
    cr_assert_gt(r.searches, 100);
    cr_assert_geq(100 * r.found, percent * r.searches, "seed %lu, rogue %u: %u of %u",
                  (unsigned long)spec->seed, spec->rogue, r.found, r.searches);
    cr_assert_leq(r.queries_median, 25);
    /* The victim proves nothing. */
    cr_assert_leq(r.count.reflected, 4 * r.count.spoofed);
}

Test(dhtplay, the_seed_determines_the_run)
{
    struct dhtnet_spec spec = small();
    struct dhtplay_result a, b;

    spec.duration_us = SECONDS(300);
    dhtplay(&spec, &a);
    dhtplay(&spec, &b);
    cr_assert_eq(a.trace, b.trace);
    spec.seed++;
    dhtplay(&spec, &b);
    cr_assert_neq(a.trace, b.trace);
}

/* Nothing that the counts say comes from the simulator alone. */
Test(dhtplay, without_a_network_nothing_is_announced_or_found)
{
    struct dhtnet_spec spec = small();
    struct dhtplay_result r;

    spec.loss = 1000000;
    spec.duration_us = SECONDS(300);
    dhtplay(&spec, &r);
    cr_assert_eq(r.searches, 0);
    cr_assert_eq(r.nodes_mean, 0);
    cr_assert_gt(r.count.sent, 0);
    cr_assert_eq(r.count.lost, r.count.sent);
}

Test(dhtplay, churn_and_a_fifth_that_is_hostile)
{
    struct dhtnet_spec spec = small();

    assert_finds(&spec, 99);
}

Test(dhtplay, each_kind_of_hostile_host)
{
    struct dhtnet_spec spec = small();

    spec.duration_us = SECONDS(600);
    spec.hostile_percent = 30;
    for (spec.rogue = DHTROGUE_NONE + 1; spec.rogue < DHTROGUE_ECLIPSE; spec.rogue++)
        assert_finds(&spec, 99);
}

/* 64 attackers in 8 networks, whose ids are around that of the only torrent. */
static struct dhtnet_spec
eclipse(void)
{
    struct dhtnet_spec spec = small();

    spec.nodes = 200;
    spec.duration_us = SECONDS(700);
    spec.hostile_percent = 0;
    spec.torrents = 1;
    spec.attackers = 64;
    spec.networks = 8;
    return spec;
}

Test(dhtplay, eclipse_with_ids_beside_the_target)
{
    struct dhtnet_spec spec = eclipse();

    assert_finds(&spec, 95);
}

/* Ids that are as close as the attackers' addresses allow count as closest. */
Test(dhtplay, eclipse_with_valid_ids)
{
    struct dhtnet_spec spec = eclipse();

    spec.bound_ids = 1;
    assert_finds(&spec, 95);
}

Test(dhtplay, loss_of_a_tenth)
{
    struct dhtnet_spec spec = small();

    spec.loss = 100000;
    spec.hostile_percent = 0;
    assert_finds(&spec, 99);
}
