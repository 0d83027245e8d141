/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A keyed hash of short keys that costs one multiplication for each word. It is for keys that an
 * attacker can't choose freely: ids and passkeys that this program makes, and info-hashes, which
 * are the output of SHA-1 or SHA-256. Two keys with the same hash can be computed without knowing
 * the seed, so a table whose keys strangers make up needs siphash.h.
 */
#ifndef COMMON_DS_WORDHASH_H
#define COMMON_DS_WORDHASH_H

#include "common/ds/siphash.h"

/* 2^64 divided by the golden ratio, made odd (Knuth, section 6.4). */
#define WORDHASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t
wordhash_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * WORDHASH_FACTOR;
    return hash ^ hash >> 32;
}

/* The hash of |len| bytes, a multiple of four. All 64 bits can be used. */
static inline uint64_t
wordhash(const uint64_t seed[2], const uint8_t *key, size_t len)
{
    uint64_t hash = seed[0];
    uint32_t rest;

    for (; len >= 8; len -= 8, key += 8)
        hash = wordhash_mix(hash, siphash_load(key));
    if (len > 0) {
        memcpy(&rest, key, sizeof(rest));
        hash = wordhash_mix(hash, le32toh(rest));
    }
    return wordhash_mix(hash, seed[1]);
}

#endif
