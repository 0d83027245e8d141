/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A counter that several threads increase and any of them may read. It orders no memory accesses: a
 * reader learns the count, and nothing about other data.
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

/* Sets the counter to a known value. */
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
