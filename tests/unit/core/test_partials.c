/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of pieces under way: counts, the part with FREE blocks, opening and closing.
 */
#include "peer/core/partials.h"

#include <criterion/criterion.h>

#include "common/base/rng.h"

enum { PIECES = 30, BLOCKS = 5 };

static void
check(const struct partials *ps)
{
    cr_assert_eq(ps->open.count, ps->count);
    for (uint32_t i = 0; i < ps->count; i++) {
        const struct partial *pt = ps->v[i];
        uint32_t counts[4] = {0};

        cr_assert_eq(partials_get(ps, pt->piece), pt);
        cr_assert_eq(pt->index, i);
        cr_assert_eq(i<ps->count_free, pt->free> 0);
        for (uint32_t b = 0; b < pt->nblocks; b++) {
            uint8_t s = pt->state[b];

            counts[s == PARTIAL_FREE      ? 0
                   : s < PARTIAL_WRITING  ? 1
                   : s == PARTIAL_WRITING ? 2
                                          : 3]++;
            cr_assert(s != PARTIAL_FREE || b >= pt->first_free);
        }
        cr_assert_eq(pt->free, counts[0]);
        cr_assert_eq(pt->requested, counts[1]);
        cr_assert_eq(pt->writing, counts[2]);
        cr_assert_eq(pt->stored, counts[3]);
    }
}

Test(partials, keep_their_order_and_counts)
{
    static const uint8_t states[] = {PARTIAL_FREE, PARTIAL_REQUESTED, PARTIAL_REQUESTED + 2,
                                     PARTIAL_WRITING, PARTIAL_STORED};
    struct partials ps;
    struct rng rng;

    rng_init(&rng, 9);
    cr_assert_eq(partials_init(&ps, PIECES), 0);
    for (int i = 0; i < 20000; i++) {
        uint32_t piece = rng_below(&rng, PIECES);
        struct partial *pt = partials_get(&ps, piece);

        if (pt == NULL) {
            pt = partials_open(&ps, piece, 1 + rng_below(&rng, BLOCKS));
            cr_assert_eq(pt->free, pt->nblocks);
        } else if (rng_below(&rng, 20) == 0) {
            partials_close(&ps, pt);
            cr_assert_null(partials_get(&ps, piece));
        } else {
            partials_set(&ps, pt, rng_below(&rng, pt->nblocks), states[rng_below(&rng, 5)]);
            partial_next_free(pt);
        }
        check(&ps);
    }
    partials_fini(&ps);
}

Test(partials, a_source_lives_while_the_bytes_do)
{
    struct partials ps;
    struct partial *pt;

    cr_assert_eq(partials_init(&ps, PIECES), 0);
    pt = partials_open(&ps, 3, 2);
    partials_set(&ps, pt, 1, PARTIAL_WRITING);
    pt->source[1] = 77;
    partials_set(&ps, pt, 1, PARTIAL_STORED);
    cr_assert_eq(pt->source[1], 77u);
    partials_set(&ps, pt, 1, PARTIAL_FREE);
    cr_assert_eq(pt->source[1], PARTIAL_SOURCE_NONE);
    cr_assert_null(partials_get(&ps, PIECES), "out of range is not open");
    partials_fini(&ps);
}
