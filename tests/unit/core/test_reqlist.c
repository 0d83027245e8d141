/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>

#include "common/base/err.h"
#include "peer/core/fastset.h"
#include "peer/core/reqlist.h"

Test(reqlist, keeps_order_through_any_removal)
{
    struct reqlist l;
    uint32_t expect = 0;

    reqlist_init(&l, 1000);
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(reqlist_push(&l, &(struct request){.piece = i, .begin = 5}), 0);
    cr_assert_eq(reqlist_push(&l, &(struct request){0}), SPRAT_E_LIMIT);
    for (uint32_t i = 0; i < 1000; i += 2)
        reqlist_remove(&l, reqlist_find(&l, i, 5));
    cr_assert_eq(l.count, 500);
    cr_assert_eq(reqlist_find(&l, 4, 5), REQLIST_NONE);
    cr_assert_eq(reqlist_find(&l, 5, 4), REQLIST_NONE);
    for (expect = 1; l.count > 0; expect += 2) {
        cr_assert_eq(reqlist_at(&l, 0)->piece, expect);
        reqlist_remove(&l, 0);
    }
    cr_assert_eq(expect, 1001);
    reqlist_fini(&l);
}

Test(reqlist, works_as_a_queue_without_growing)
{
    struct reqlist l;

    reqlist_init(&l, 64);
    for (uint32_t i = 0; i < 10; i++)
        reqlist_push(&l, &(struct request){.piece = i});
    for (uint32_t i = 10; i < 10000; i++) {
        cr_assert_eq(reqlist_at(&l, 0)->piece, i - 10);
        reqlist_remove(&l, 0);
        cr_assert_eq(reqlist_push(&l, &(struct request){.piece = i}), 0);
    }
    cr_assert_leq(l.cap, 64);
    reqlist_clear(&l);
    cr_assert_eq(l.count, 0);
    reqlist_fini(&l);
}

/* The example of BEP 6. */
Test(fastset, bep6_vector)
{
    static const uint32_t expect[] = {1059, 431, 808, 1217, 287, 376, 1188, 353, 508};
    struct endpoint e = {.ip = {80, 4, 4, 200}, .family = IP_V4};
    uint32_t pieces[9];
    uint8_t hash[20];

    for (int i = 0; i < 20; i++)
        hash[i] = 0xaa;
    cr_assert_eq(fastset(hash, &e, 1313, 9, pieces), 9);
    cr_assert_arr_eq(pieces, expect, sizeof(expect));
    cr_assert_eq(fastset(hash, &e, 1313, 7, pieces), 7);
    cr_assert_arr_eq(pieces, expect, 7 * sizeof(*expect));
}

Test(fastset, has_none_for_ipv6_and_small_torrents)
{
    struct endpoint e = {.family = IP_V6};
    uint32_t pieces[10];

    cr_assert_eq(fastset((uint8_t[20]){0}, &e, 1000, 10, pieces), 0);
    e.family = IP_V4;
    cr_assert_eq(fastset((uint8_t[20]){0}, &e, 9, 10, pieces), 0);
    cr_assert_eq(fastset((uint8_t[20]){0}, &e, 10, 10, pieces), 10);
}
