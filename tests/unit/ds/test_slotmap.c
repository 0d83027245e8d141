/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ids that notice reuse: stale ids, the maximum, lowest slot first, iteration while removing.
 */
#include "common/ds/slotmap.h"

#include <criterion/criterion.h>

static int objects[100];

Test(slotmap, add_get_remove)
{
    struct slotmap m;
    slot_id a, b;

    slotmap_init(&m, 10);
    a = slotmap_add(&m, &objects[0]);
    b = slotmap_add(&m, &objects[1]);
    cr_assert_neq(a, SLOT_NONE);
    cr_assert_neq(a, b);
    cr_assert_eq(slotmap_get(&m, a), &objects[0]);
    cr_assert_eq(slotmap_get(&m, b), &objects[1]);
    cr_assert_eq(m.count, 2);
    cr_assert_eq(slotmap_remove(&m, a), &objects[0]);
    cr_assert_null(slotmap_get(&m, a));
    cr_assert_null(slotmap_remove(&m, a));
    cr_assert_eq(m.count, 1);
    slotmap_fini(&m);
}

Test(slotmap, ids_that_were_never_given_out)
{
    struct slotmap m;

    slotmap_init(&m, 10);
    cr_assert_null(slotmap_get(&m, SLOT_NONE));
    cr_assert_null(slotmap_get(&m, 12345));
    slotmap_add(&m, &objects[0]);
    cr_assert_null(slotmap_get(&m, SLOT_NONE));
    cr_assert_null(slotmap_get(&m, UINT64_MAX));
    cr_assert_null(slotmap_get(&m, (slot_id)2 << 32));
    slotmap_fini(&m);
}

Test(slotmap, a_stale_id_finds_nothing)
{
    struct slotmap m;
    slot_id old, new;

    slotmap_init(&m, 10);
    old = slotmap_add(&m, &objects[0]);
    slotmap_remove(&m, old);
    new = slotmap_add(&m, &objects[1]);
    cr_assert_eq(slot_index(new), slot_index(old), "the slot is used again");
    cr_assert_neq(new, old);
    cr_assert_null(slotmap_get(&m, old));
    cr_assert_null(slotmap_remove(&m, old));
    cr_assert_eq(slotmap_get(&m, new), &objects[1]);
    slotmap_fini(&m);
}

Test(slotmap, the_maximum_is_kept)
{
    struct slotmap m;
    slot_id ids[20];

    slotmap_init(&m, 20);
    for (int i = 0; i < 20; i++) {
        ids[i] = slotmap_add(&m, &objects[i]);
        cr_assert_neq(ids[i], SLOT_NONE);
    }
    cr_assert_eq(slotmap_add(&m, &objects[20]), SLOT_NONE);
    cr_assert_eq(slotmap_remove(&m, ids[7]), &objects[7]);
    cr_assert_neq(slotmap_add(&m, &objects[20]), SLOT_NONE);
    cr_assert_eq(slotmap_add(&m, &objects[21]), SLOT_NONE);
    slotmap_fini(&m);
    slotmap_init(&m, 0);
    cr_assert_eq(slotmap_add(&m, &objects[0]), SLOT_NONE);
    slotmap_fini(&m);
}

Test(slotmap, the_lowest_free_slot_goes_first)
{
    struct slotmap m;
    slot_id ids[10];

    slotmap_init(&m, 100);
    for (int i = 0; i < 10; i++)
        ids[i] = slotmap_add(&m, &objects[i]);
    slotmap_remove(&m, ids[8]);
    slotmap_remove(&m, ids[2]);
    slotmap_remove(&m, ids[5]);
    cr_assert_eq(slot_index(slotmap_add(&m, &objects[20])), 2);
    cr_assert_eq(slot_index(slotmap_add(&m, &objects[21])), 5);
    cr_assert_eq(slot_index(slotmap_add(&m, &objects[22])), 8);
    cr_assert_eq(slot_index(slotmap_add(&m, &objects[23])), 10);
    slotmap_fini(&m);
}

Test(slotmap, iteration_is_in_slot_order_and_survives_removal)
{
    struct slotmap m;
    slot_id ids[50];
    uint32_t iter = 0;
    int seen = 0;
    int *o;

    slotmap_init(&m, 100);
    for (int i = 0; i < 50; i++)
        ids[i] = slotmap_add(&m, &objects[i]);
    slotmap_remove(&m, ids[0]);
    slotmap_remove(&m, ids[30]);
    while ((o = slotmap_next(&m, &iter)) != NULL) {
        long i = o - objects;

        cr_assert(i != 0 && i != 30);
        cr_assert_eq(iter, i + 1);
        cr_assert_eq(slotmap_remove(&m, ids[i]), o);
        seen++;
    }
    cr_assert_eq(seen, 48);
    cr_assert_eq(m.count, 0);
    slotmap_fini(&m);
}
