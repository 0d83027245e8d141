/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SipHash, after its paper: c rounds per word, d rounds at the end.
 */
#include "common/ds/siphash.h"

static uint64_t
rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline void
rounds(uint64_t v[4], int n)
{
    while (n-- > 0) {
        v[0] += v[1];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[0] = rotl(v[0], 32);
        v[2] += v[3];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[2] = rotl(v[2], 32);
    }
}

static inline void
absorb(uint64_t v[4], uint64_t m, int c)
{
    v[3] ^= m;
    rounds(v, c);
    v[0] ^= m;
}

/* Reads the last bytes, fewer than eight, as siphash_load() does. Not byte by byte: most keys are
 * so short that this is a large part of the cost. */
static inline uint64_t
load_rest(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    uint32_t four;
    uint16_t two;
    unsigned at = 0;

    if ((len & 4) != 0) {
        memcpy(&four, p, sizeof(four));
        v = le32toh(four);
        at = 4;
    }
    if ((len & 2) != 0) {
        memcpy(&two, p + at, sizeof(two));
        v |= (uint64_t)le16toh(two) << (8 * at);
        at += 2;
    }
    if ((len & 1) != 0)
        v |= (uint64_t)p[at] << (8 * at);
    return v;
}

static inline uint64_t
siphash(const uint64_t key[2], const uint8_t *p, size_t len, int c, int d)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    size_t left = len;

    for (; left >= 8; left -= 8, p += 8)
        absorb(v, siphash_load(p), c);
    absorb(v, load_rest(p, left) | (uint64_t)len << 56, c);
    v[2] ^= 0xff;
    rounds(v, d);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
siphash13(const uint64_t key[2], const void *data, size_t len)
{
    return siphash(key, data, len, 1, 3);
}

uint64_t
siphash24(const uint64_t key[2], const void *data, size_t len)
{
    return siphash(key, data, len, 2, 4);
}
