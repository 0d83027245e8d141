/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of swarms and the order of its sweeps.
 */
#include "tracker/core/swarms.h"

#include <criterion/criterion.h>

static const uint64_t seed[2] = {5, 6};
static const uint8_t key[6] = {1, 2, 3, 4, 5, 6};

static struct swarm *
add(struct swarms *s, char name, int64_t now_us)
{
    uint8_t hash[TRACKER_HASH_LEN];

    memset(hash, name, sizeof(hash));
    return swarms_add(s, hash, (struct mono){now_us});
}

static struct swarm *
find(struct swarms *s, char name)
{
    uint8_t hash[TRACKER_HASH_LEN];

    memset(hash, name, sizeof(hash));
    return swarms_find(s, hash);
}

Test(swarms, finds_what_was_added)
{
    struct swarms s;
    struct swarm *a;

    swarms_init(&s, seed, false);
    cr_assert_null(swarms_oldest(&s));
    cr_assert_null(find(&s, 'a'));
    a = add(&s, 'a', 1);
    cr_assert_eq(find(&s, 'a'), a);
    cr_assert_null(find(&s, 'b'));
    cr_assert_eq(swarm_peers(a, IP_V6), &a->v6);
    swarms_fini(&s);
}

Test(swarms, are_swept_in_turn_and_vanish_when_empty)
{
    struct swarms s;
    struct swarm *a, *b;

    swarms_init(&s, seed, true);
    a = add(&s, 'a', 1);
    b = add(&s, 'b', 2);
    cr_assert_eq(swarms_oldest(&s), a);
    peerset_touch(&a->v4, peerset_add(&a->v4, &s.env, key, true), 10, 4, 0, (uint8_t[20]){0});
    swarms_count_peers(&s, IP_V4, 1);
    cr_assert_eq(tally_get(&s.totals->peers), 1);
    cr_assert_eq(swarms_sweep(&s, a, 12, 5, (struct mono){3}), 1);
    cr_assert_eq(swarms_oldest(&s), b);
    cr_assert_eq(swarms_sweep(&s, b, 12, 5, (struct mono){3}), 0);
    cr_assert_null(find(&s, 'b'));
    cr_assert_eq(swarms_oldest(&s), a);
    cr_assert_eq(swarms_sweep(&s, a, 16, 5, (struct mono){4}), 1);
    cr_assert_eq(s.peers4, 0);
    cr_assert_eq(tally_get(&s.totals->peers), 0);
    cr_assert_eq(tally_get(&s.totals->swarms), 0);
    cr_assert_eq(s.map.count, 0);
    cr_assert_null(swarms_oldest(&s));
    swarms_fini(&s);
}
