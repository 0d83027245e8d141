/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bucket order, compared with a plain array of each piece's bucket.
 */
#include "peer/core/pickorder.h"

#include <criterion/criterion.h>

#include "common/base/rng.h"

enum { PIECES = 60, BUCKETS = 9 };

static uint32_t model[PIECES];

static uint32_t
model_bucket(const void *ctx, uint32_t piece)
{
    return ((const uint32_t *)ctx)[piece];
}

static void
check(const struct pickorder *o)
{
    uint32_t sizes[BUCKETS] = {0}, in = 0;

    for (uint32_t i = 0; i < PIECES; i++) {
        cr_assert_eq(pickorder_has(o, i), model[i] != PICKORDER_OUT);
        if (model[i] == PICKORDER_OUT)
            continue;
        in++;
        sizes[model[i]]++;
        cr_assert_eq(o->items[o->where[i]], i);
        cr_assert(o->where[i] >= o->begin[model[i]] && o->where[i] < o->begin[model[i] + 1]);
    }
    cr_assert_eq(pickorder_count(o), in);
    for (uint32_t k = 0; k < BUCKETS; k++)
        cr_assert_eq(o->begin[k + 1] - o->begin[k], sizes[k]);
}

static void
step(struct pickorder *o, struct rng *rng)
{
    uint32_t i = rng_below(rng, PIECES);

    if (model[i] == PICKORDER_OUT) {
        model[i] = rng_below(rng, BUCKETS);
        pickorder_add(o, i, model[i]);
    } else if (rng_below(rng, 3) == 0) {
        pickorder_remove(o, i, model[i]);
        model[i] = PICKORDER_OUT;
    } else if (rng_below(rng, 2) == 0 && model[i] + 1 < BUCKETS) {
        pickorder_move_up(o, i, model[i]++);
    } else if (model[i] > 0) {
        pickorder_move_down(o, i, model[i]--);
    }
}

Test(pickorder, agrees_with_a_model)
{
    struct pickorder o;
    struct rng rng;

    rng_init(&rng, 3);
    cr_assert_eq(pickorder_init(&o, PIECES, BUCKETS), 0);
    for (uint32_t i = 0; i < PIECES; i++)
        model[i] = PICKORDER_OUT;
    cr_expect_eq(pickorder_count(&o), 0u);
    cr_assert_eq(pickorder_rebuild(&o, model_bucket, model), 0);
    for (int i = 0; i < 20000; i++) {
        step(&o, &rng);
        if (i % 1000 == 999) {
            for (uint32_t k = 0; k < PIECES; k++)
                model[k] = rng_below(&rng, 4) == 0 ? PICKORDER_OUT : rng_below(&rng, BUCKETS);
            pickorder_rebuild(&o, model_bucket, model);
        }
        check(&o);
    }
    pickorder_fini(&o);
}

Test(pickorder, no_pieces_at_all)
{
    struct pickorder o;

    cr_assert_eq(pickorder_init(&o, 0, 5), 0);
    pickorder_rebuild(&o, model_bucket, model);
    cr_assert_eq(pickorder_count(&o), 0u);
    pickorder_fini(&o);
}
