/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The allocator of records against a plain model: records are zero at first, keep what is written
 * to them, and all memory is given back.
 */
#include "tracker/core/records.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"

enum { COUNT = 8000, SIZE = 109, STEPS = 200000 };

static void
check(const uint8_t *record, uint8_t fill)
{
    for (int i = 0; i < SIZE; i++)
        cr_assert_eq(record[i], fill);
}

Test(records, model)
{
    uint8_t **held = calloc(COUNT, sizeof(*held));
    struct records r;
    struct rng rng;

    rng_init(&rng, 1);
    records_init(&r, SIZE);
    for (int i = 0; i < STEPS; i++) {
        /* The number grows, falls and grows again. */
        bool more = i / (STEPS / 4) % 2 == 0;
        uint32_t n = rng_below(&rng, COUNT);

        if (held[n] == NULL && (more || rng_below(&rng, 8) == 0)) {
            held[n] = records_alloc(&r);
            cr_assert_not_null(held[n]);
            cr_assert_eq((uintptr_t)held[n] % 8, 0u);
            check(held[n], 0);
            memset(held[n], (int)n % 255 + 1, SIZE);
        } else if (held[n] != NULL && (!more || rng_below(&rng, 8) == 0)) {
            check(held[n], (uint8_t)(n % 255 + 1));
            records_free(&r, held[n]);
            held[n] = NULL;
        }
    }
    for (uint32_t n = 0; n < COUNT; n++) {
        if (held[n] == NULL)
            continue;
        check(held[n], (uint8_t)(n % 255 + 1));
        records_free(&r, held[n]);
    }
    cr_assert_eq(r.nslabs, 0u);
    records_fini(&r);
    free(held);
}

Test(records, all_are_freed_at_the_end)
{
    struct records r;

    records_init(&r, 16);
    for (int i = 0; i < 10000; i++)
        cr_assert_not_null(records_alloc(&r));
    cr_assert_leq(r.nslabs, 3u);
    records_fini(&r);
}
