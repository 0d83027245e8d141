/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A number that several threads count and any of them may read. It orders nothing: who reads it
 * learns how much there was of something, not what has happened to anything else.
 */
#ifndef COMMON_BASE_TALLY_H
#define COMMON_BASE_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

/* Embedded; starts as all zero. */
struct tally {
    _Atomic uint64_t n;
};

static inline void
tally_add(struct tally *t, uint64_t n)
{
    atomic_fetch_add_explicit(&t->n, n, memory_order_relaxed);
}

static inline void
tally_sub(struct tally *t, uint64_t n)
{
    atomic_fetch_sub_explicit(&t->n, n, memory_order_relaxed);
}

/* For a number that is not counted but known. */
static inline void
tally_put(struct tally *t, uint64_t n)
{
    atomic_store_explicit(&t->n, n, memory_order_relaxed);
}

static inline uint64_t
tally_get(const struct tally *t)
{
    return atomic_load_explicit(&t->n, memory_order_relaxed);
}

#endif
