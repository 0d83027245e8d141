/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The index of large peersets against a plain model, and the bound of what one call does: it grows
 * and shrinks by steps that do not depend on its size.
 */
#include "tracker/core/peerindex.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/rng.h"

/* Positions and the hashes of what stands there. */
struct model {
    uint64_t *hashes; /* 0: nothing */
    uint32_t count;
};

static uint64_t
hash_of(const void *ctx, uint32_t pos)
{
    const struct model *m = ctx;

    return m->hashes[pos];
}

static bool
finds(const struct peerindex *x, uint64_t hash, uint32_t pos)
{
    uint32_t probe = 0, at;

    while ((at = peerindex_next(x, hash, &probe)) != PEERINDEX_NONE)
        if (at == pos)
            return true;
    return false;
}

static void
add(struct peerindex *x, struct blocks *b, struct model *m, uint32_t pos, uint64_t hash)
{
    cr_assert(peerindex_reserve(x, b, hash));
    m->hashes[pos] = hash;
    peerindex_add(x, b, hash, pos, hash_of, m);
    cr_assert_leq(x->steps, (uint32_t)PEERINDEX_STEPS_MAX);
}

static void
drop(struct peerindex *x, struct blocks *b, struct model *m, uint32_t pos)
{
    peerindex_remove(x, b, m->hashes[pos], pos);
    cr_assert_leq(x->steps, (uint32_t)PEERINDEX_STEPS_MAX);
    cr_assert_not(finds(x, m->hashes[pos], pos));
    m->hashes[pos] = 0;
}

static uint64_t
random_hash(struct rng *rng)
{
    uint64_t hash;

    rng_fill(rng, &hash, sizeof(hash));
    return hash | 1u << 20;
}

/* Grows to |count| peers and shrinks to none; the steps of every call are bounded. */
static void
grow_and_shrink(uint32_t count)
{
    struct model m = {calloc(count, sizeof(uint64_t)), count};
    struct blocks *b = calloc(1, sizeof(*b));
    struct peerindex x;
    struct rng rng;

    rng_init(&rng, count);
    cr_assert(peerindex_init(&x, b));
    for (uint32_t pos = 0; pos < count; pos++) {
        if (pos > PEERINDEX_NARROW_MAX / 2)
            cr_assert(peerindex_widen(&x, b));
        cr_assert(pos < PEERINDEX_NARROW_MAX || peerindex_is_wide(&x));
        add(&x, b, &m, pos, random_hash(&rng));
    }
    cr_assert_geq(x.nbuckets, count / PEERINDEX_LOAD);
    for (uint32_t pos = 0; pos < count; pos += 7)
        cr_assert(finds(&x, m.hashes[pos], pos));
    for (uint32_t pos = 0; pos < count; pos++)
        drop(&x, b, &m, pos);
    cr_assert_leq(x.nbuckets, 4u, "it has become small again");
    peerindex_fini(&x, b);
    blocks_fini(b);
    free(b);
    free(m.hashes);
}

Test(peerindex, a_call_does_bounded_work_at_any_size)
{
    grow_and_shrink(3000);
    grow_and_shrink(200000);
}

Test(peerindex, model)
{
    enum { COUNT = 5000, STEPS = 60000 };
    struct model m = {calloc(COUNT, sizeof(uint64_t)), COUNT};
    struct blocks *b = calloc(1, sizeof(*b));
    struct peerindex x;
    struct rng rng;

    rng_init(&rng, 1);
    cr_assert(peerindex_init(&x, b));
    for (int i = 0; i < STEPS; i++) {
        uint32_t pos = rng_below(&rng, COUNT), to = rng_below(&rng, COUNT);

        /* Equal marks and equal hashes, too. */
        if (m.hashes[pos] == 0) {
            uint64_t hash = random_hash(&rng);

            add(&x, b, &m, pos, i % 3 == 0 ? hash & UINT32_MAX : i % 100 == 0 ? 1 : hash);
        } else if (m.hashes[to] == 0) {
            peerindex_move(&x, m.hashes[pos], pos, to);
            m.hashes[to] = m.hashes[pos];
            m.hashes[pos] = 0;
        } else if (i % 5 < 2) {
            drop(&x, b, &m, pos);
        }
        if (i == STEPS / 2)
            while (!peerindex_is_wide(&x))
                cr_assert(peerindex_widen(&x, b));
        if (i % 1000 == 0)
            for (uint32_t n = 0; n < COUNT; n++)
                cr_assert(m.hashes[n] == 0 || finds(&x, m.hashes[n], n));
    }
    peerindex_fini(&x, b);
    blocks_fini(b);
    free(b);
    free(m.hashes);
}

Test(peerindex, too_many_peers_of_one_hash_are_refused)
{
    struct model m = {calloc(5000, sizeof(uint64_t)), 5000};
    struct blocks *b = calloc(1, sizeof(*b));
    struct peerindex x;
    uint32_t n = 0;

    cr_assert(peerindex_init(&x, b));
    for (; n < 5000 && peerindex_reserve(&x, b, 77); n++) {
        m.hashes[n] = 77;
        peerindex_add(&x, b, 77, n, hash_of, &m);
    }
    cr_assert(n > 3000 && n < 5000, "%u", n);
    cr_assert(finds(&x, 77, n - 1));
    peerindex_fini(&x, b);
    blocks_fini(b);
    free(b);
    free(m.hashes);
}
