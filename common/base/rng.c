/* SPDX-License-Identifier: BSD-2-Clause
 *
 * xoshiro256** seeded by splitmix64, after the public-domain reference by Blackman and Vigna.
 */
#include "common/base/rng.h"

#include <string.h>

#include "common/base/assert.h"

static uint64_t
splitmix64(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t
rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void
rng_init(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&seed);
}

uint64_t
rng_u64(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint32_t
rng_u32(struct rng *r)
{
    return (uint32_t)(rng_u64(r) >> 32);
}

uint32_t
rng_below(struct rng *r, uint32_t bound)
{
    uint64_t m;
    uint32_t low, threshold;

    ASSERT(bound > 0);
    m = (uint64_t)rng_u32(r) * bound;
    low = (uint32_t)m;
    if (low < bound) {
        threshold = -bound % bound;
        while (low < threshold) {
            m = (uint64_t)rng_u32(r) * bound;
            low = (uint32_t)m;
        }
    }
    return (uint32_t)(m >> 32);
}

void
rng_fill(struct rng *r, void *dst, size_t len)
{
    unsigned char *p = dst;

    while (len > 0) {
        uint64_t v = rng_u64(r);
        size_t n = len < sizeof(v) ? len : sizeof(v);

        memcpy(p, &v, n);
        p += n;
        len -= n;
    }
}
