/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The largest of many, against a full sort; offered twice, offered with other numbers, and found in
 * a tracker that changes between portions.
 */
#include "tracker/core/topswarms.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"
#include "tracker/core/tracker.h"

static struct tracker_scrape
swarm(uint32_t number, int64_t seeders, int64_t leechers, int64_t completed)
{
    struct tracker_scrape s = {
        .complete = seeders, .incomplete = leechers, .downloaded = completed};

    memcpy(s.info_hash, &number, sizeof(number));
    return s;
}

static int
by_peers(const void *a, const void *b)
{
    const struct tracker_scrape *x = a, *y = b;
    int64_t nx = x->complete + x->incomplete, ny = y->complete + y->incomplete;

    if (nx != ny)
        return nx > ny ? -1 : 1;
    return memcmp(x->info_hash, y->info_hash, TRACKER_HASH_LEN);
}

Test(topswarms, as_a_full_sort)
{
    enum { COUNT = 3000 };
    static struct tracker_scrape all[COUNT];
    struct topswarms top;
    struct rng rng;

    rng_init(&rng, 7);
    topswarms_init(&top, TOPSWARMS_BY_PEERS, TOPSWARMS_MAX);
    for (uint32_t i = 0; i < COUNT; i++) {
        all[i] = swarm(i, (int64_t)rng_below(&rng, 500), (int64_t)rng_below(&rng, 500), 0);
        topswarms_offer(&top, &all[i]);
        topswarms_offer(&top, &all[rng_below(&rng, i + 1)]);
    }
    qsort(all, COUNT, sizeof(all[0]), by_peers);
    cr_assert_eq(top.count, (size_t)TOPSWARMS_MAX);
    for (size_t i = 0; i < top.count; i++)
        cr_assert_eq(by_peers(&top.at[i], &all[i]), 0, "%zu", i);
}

static void
expect_first(const char *order, uint32_t number)
{
    const struct tracker_scrape all[] = {swarm(1, 5, 5, 0), swarm(2, 7, 1, 1), swarm(3, 1, 8, 2),
                                         swarm(4, 1, 1, 9)};
    struct topswarms top;
    enum topswarms_order o;
    uint32_t first;

    cr_assert(topswarms_order_parse(order, strlen(order), &o));
    topswarms_init(&top, o, 2);
    for (size_t i = 0; i < 4; i++)
        topswarms_offer(&top, &all[i]);
    memcpy(&first, top.at[0].info_hash, sizeof(first));
    cr_expect_eq(first, number, "%s", order);
    cr_expect_eq(top.count, 2);
}

Test(topswarms, orders)
{
    enum topswarms_order o;

    expect_first("peers", 1);
    expect_first("seeders", 2);
    expect_first("leechers", 3);
    expect_first("completed", 4);
    cr_assert_not(topswarms_order_parse("peer", 4, &o));
    cr_assert_not(topswarms_order_parse("", 0, &o));
}

Test(topswarms, one_that_changed_and_one_of_nobody)
{
    struct tracker_scrape s = swarm(1, 5, 0, 0);
    struct topswarms top;

    topswarms_init(&top, TOPSWARMS_BY_SEEDERS, 3);
    topswarms_offer(&top, &s);
    s.complete = 6;
    topswarms_offer(&top, &s);
    cr_assert(top.count == 1 && top.at[0].complete == 6);
    s = swarm(2, 0, 0, 100);
    topswarms_offer(&top, &s);
    cr_assert_eq(top.count, 1);
}

Test(topswarms, a_walk_while_torrents_come)
{
    static const struct tracker_seed seed = {{1, 2}, 3};
    struct endpoint from = {.ip = {10, 0, 0, 1}, .family = IP_V4};
    struct mono now = {1000000};
    struct tracker_config config;
    struct topswarms top;
    struct tracker *t;
    size_t at = 0;
    uint32_t added = 0;
    int portions = 0;

    tracker_config_init(&config);
    t = tracker_new(&config, &seed);
    topswarms_init(&top, TOPSWARMS_BY_PEERS, 10);
    cr_assert_eq(tracker_offer_top(t, 0, &top, now), 0, "an empty one");
    do {
        for (uint32_t i = 0; i < (portions == 0 ? 20000u : 1000u) && added < 30000; i++, added++) {
            struct tracker_announce a = {.port = 1, .left = 1, .numwant = 0};
            struct tracker_answer ans = {.max4 = 0};

            memcpy(a.info_hash, &added, sizeof(added));
            for (uint16_t peer = 0; peer < (added < 10 ? 3 : 1); peer++) {
                a.port = (uint16_t)(1 + peer);
                a.peer_id[0] = (uint8_t)peer;
                tracker_on_announce(t, &a, &from, &ans, now);
            }
        }
        at = tracker_offer_top(t, at, &top, now);
        portions++;
    } while (at != 0);
    cr_assert_gt(portions, 2);
    cr_assert_eq(top.count, 10);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(top.at[i].incomplete, 3, "those that were there from the beginning");
    tracker_free(t);
}
