/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The allocator of movable blocks against a plain model: whatever is allocated, freed and moved,
 * each block keeps what was written to it, its owner knows where it is, and little memory is
 * unused.
 */
#include "tracker/core/blocks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rng.h"

enum { OWNERS = 600 };

struct owner {
    void *block; /* NULL: none */
    size_t len;
    uint8_t fill;
};

static void
check(const struct owner *o)
{
    const uint8_t *p = o->block;

    cr_assert_eq((uintptr_t)p % 8, 0u);
    for (size_t i = 0; i < o->len; i++)
        cr_assert_eq(p[i], o->fill, "byte %zu of %zu", i, o->len);
}

static void
take(struct blocks *b, struct owner *o, size_t len, uint8_t fill)
{
    o->len = len;
    o->fill = fill;
    cr_assert(blocks_alloc(b, &o->block, len));
    memset(o->block, fill, len);
}

static void
give_back(struct blocks *b, struct owner *o)
{
    check(o);
    blocks_free(b, &o->block, o->len);
    cr_assert_null(o->block);
}

static void
exchange(struct owner *a, struct owner *b)
{
    struct owner saved = *a;

    *a = *b;
    *b = saved;
    if (a->block != NULL)
        blocks_set_owner(&a->block);
    if (b->block != NULL)
        blocks_set_owner(&b->block);
}

/* One random change; |kinds| is how many lengths there are. */
static void
step(struct blocks *b, struct owner *owners, struct rng *rng, uint32_t kinds)
{
    struct owner *o = &owners[rng_below(rng, OWNERS)];

    if (rng_below(rng, 8) == 0)
        exchange(o, &owners[rng_below(rng, OWNERS)]);
    else if (o->block != NULL)
        give_back(b, o);
    else
        take(b, o, (size_t)rng_below(rng, kinds) * (BLOCKS_LEN_MAX / kinds),
             (uint8_t)rng_below(rng, 256));
}

static void
run(uint32_t kinds, uint32_t seed, int steps)
{
    struct blocks *b = calloc(1, sizeof(*b));
    struct owner *owners = calloc(OWNERS, sizeof(*owners));
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < steps; i++) {
        step(b, owners, &rng, kinds);
        if (i % 500 == 0)
            for (int n = 0; n < OWNERS; n++)
                if (owners[n].block != NULL)
                    check(&owners[n]);
    }
    for (int n = 0; n < OWNERS; n++)
        if (owners[n].block != NULL)
            give_back(b, &owners[n]);
    for (size_t i = 0; i < BLOCKS_CLASSES; i++)
        cr_assert_eq(b->classes[i].nslabs, 0u, "an empty class keeps no slab");
    blocks_fini(b);
    free(owners);
    free(b);
}

Test(blocks, model)
{
    for (uint32_t seed = 0; seed < 10; seed++) {
        run(1, seed, 2000);
        run(3, seed, 6000);
        run(40, seed, 6000);
        run(BLOCKS_LEN_MAX, seed, 6000);
    }
}

Test(blocks, what_fits_takes_no_more_memory)
{
    for (size_t len = 0; len <= BLOCKS_LEN_MAX; len++) {
        struct blocks *b = len % 97 == 0 ? calloc(1, sizeof(*b)) : NULL;
        size_t fit = blocks_fit(len), used = 0;
        void *a = NULL, *c = NULL;

        cr_assert_geq(fit, len);
        cr_assert(len + BLOCKS_HEAD_LEN < 64 || fit <= len + len / 4 + 16, "%zu: %zu", len, fit);
        if (b == NULL)
            continue;
        cr_assert(blocks_alloc(b, &a, len));
        if (fit <= BLOCKS_LEN_MAX) {
            cr_assert(blocks_alloc(b, &c, fit));
            for (size_t i = 0; i < BLOCKS_CLASSES; i++)
                used += b->classes[i].nslabs > 0;
            cr_assert_eq(used, 1u, "both are of one size");
        }
        blocks_fini(b);
        free(b);
    }
}

/* However blocks come and go, all of one size stand side by side: there is one slab more at most
 * than they fill, and a part of another. */
Test(blocks, nothing_is_left_unused)
{
    enum { COUNT = 20000, LEN = 500 };
    struct blocks *b = calloc(1, sizeof(*b));
    struct owner *owners = calloc(COUNT, sizeof(*owners));
    uint32_t slabs = 0, left = 0;
    struct rng rng;

    rng_init(&rng, 5);
    for (int n = 0; n < COUNT; n++)
        take(b, &owners[n], LEN, (uint8_t)n);
    for (int n = 0; n < COUNT; n++) {
        if (rng_below(&rng, 10) > 0)
            give_back(b, &owners[n]);
        else
            left++;
    }
    for (size_t i = 0; i < BLOCKS_CLASSES; i++)
        slabs += b->classes[i].nslabs;
    cr_assert_leq(slabs, left * (LEN + 16) / 65000 + 2);
    for (int n = 0; n < COUNT; n++)
        if (owners[n].block != NULL)
            check(&owners[n]);
    blocks_fini(b);
    free(owners);
    free(b);
}
