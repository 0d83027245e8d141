/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small, fast, seeded random generator (xoshiro256**, Blackman and Vigna). Its state is an
 * object, so that a run with the same seed makes the same choices. Not for secrets: those come from
 * common/crypto/random.h.
 */
#ifndef COMMON_BASE_RNG_H
#define COMMON_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Embedded by its users; the members are private. */
struct rng {
    uint64_t s[4];
};

/* Any |seed| is good, including 0. */
void rng_init(struct rng *r, uint64_t seed);

uint64_t rng_u64(struct rng *r);
uint32_t rng_u32(struct rng *r);

/* A number in [0, bound), without modulo bias (Lemire). |bound| must not be 0. */
uint32_t rng_below(struct rng *r, uint32_t bound);

void rng_fill(struct rng *r, void *dst, size_t len);

#endif
