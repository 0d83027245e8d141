/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Payers of entries: which entry goes first, and a random run against a model that counts by brute
 * force.
 */
#include "peer/core/dht_payers.h"

#include <criterion/criterion.h>

#include "common/base/rng.h"
#include "tests/unit/codec/failing_alloc.h"

enum { ENTRIES = 64, NETWORKS = 20 };

static const uint64_t seed[2] = {1, 2};

/* An address of network |n|. */
static struct endpoint
address(unsigned n, unsigned host)
{
    return (struct endpoint){
        .ip = {45, 33, (uint8_t)n, (uint8_t)host}, .port = 6881, .family = IP_V4};
}

static void
charge(struct dht_payers *p, uint16_t entry, unsigned network)
{
    struct endpoint e = address(network, entry);

    dht_payers_charge(p, entry, &e);
}

Test(dht_payers, the_oldest_of_the_most_crowded_network_goes_first)
{
    struct dht_payers *p = dht_payers_new(ENTRIES, seed);
    struct endpoint nobody = address(9, 0), two = address(2, 200);

    cr_assert_eq(dht_payers_oldest(p), DHT_PAYERS_NONE);
    charge(p, ENTRIES, 1);
    cr_assert_eq(dht_payers_oldest(p), ENTRIES);
    charge(p, 5, 2);
    charge(p, 6, 2);
    charge(p, 7, 2);
    cr_assert_eq(dht_payers_crowd(p, 6), 3);
    cr_assert_eq(dht_payers_crowd_of(p, &two), 3);
    cr_assert_eq(dht_payers_crowd_of(p, &nobody), 0);
    cr_assert_eq(dht_payers_oldest_of(p, &nobody), DHT_PAYERS_NONE);
    cr_assert_eq(dht_payers_oldest(p), 5);
    dht_payers_touch(p, 5);
    cr_assert_eq(dht_payers_oldest(p), 6);
    dht_payers_refund(p, 6);
    dht_payers_refund(p, 6);
    cr_assert_eq(dht_payers_oldest(p), 7);
    dht_payers_refund(p, 7);
    dht_payers_refund(p, 5);
    cr_assert_eq(dht_payers_crowd(p, 5), 0);
    cr_assert_eq(dht_payers_oldest(p), ENTRIES);
    dht_payers_refund(p, ENTRIES);
    cr_assert_eq(dht_payers_oldest(p), DHT_PAYERS_NONE);
    dht_payers_free(p);
}

struct model {
    int network[ENTRIES + 1]; /* -1: no payer */
    unsigned age[ENTRIES + 1];
};

static unsigned
crowd(const struct model *m, int network)
{
    unsigned n = 0;

    for (unsigned i = 1; i <= ENTRIES; i++)
        n += m->network[i] == network;
    return n;
}

static void
check(const struct dht_payers *p, const struct model *m)
{
    uint16_t victim = dht_payers_oldest(p);
    unsigned most = 0;

    for (int n = 0; n < NETWORKS; n++) {
        struct endpoint e = address((unsigned)n, 0);

        cr_assert_eq(dht_payers_crowd_of(p, &e), crowd(m, n));
        most = crowd(m, n) > most ? crowd(m, n) : most;
    }
    cr_assert_eq(victim == DHT_PAYERS_NONE, most == 0);
    if (most == 0)
        return;
    cr_assert_eq(crowd(m, m->network[victim]), most);
    for (unsigned i = 1; i <= ENTRIES; i++)
        if (m->network[i] == m->network[victim])
            cr_assert_geq(m->age[i], m->age[victim]);
}

Test(dht_payers, as_a_model_says)
{
    struct dht_payers *p = dht_payers_new(ENTRIES, seed);
    struct model m;
    struct rng r;

    rng_init(&r, 7);
    memset(m.network, 0xff, sizeof(m.network));
    for (unsigned t = 0; t < 20000; t++) {
        uint16_t i = (uint16_t)(1 + rng_below(&r, ENTRIES));

        if (m.network[i] < 0) {
            m.network[i] = (int)(rng_below(&r, 2) == 0 ? rng_below(&r, NETWORKS) : t / 1000);
            charge(p, i, (unsigned)m.network[i]);
            m.age[i] = t;
        } else if (rng_below(&r, 3) == 0) {
            dht_payers_touch(p, i);
            m.age[i] = t;
        } else {
            dht_payers_refund(p, i);
            m.network[i] = -1;
        }
        if (t % 16 == 0)
            check(p, &m);
    }
    dht_payers_free(p);
}

Test(dht_payers, without_memory)
{
    for (unsigned n = 0; n < 5; n++) {
        failing_alloc_after(n);
        cr_assert_null(dht_payers_new(ENTRIES, seed));
        cr_assert(failing_alloc_end());
    }
    dht_payers_free(NULL);
}
