/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Assigns each torrent to one of several shards by a keyed hash. The key is random, so that an
 * attacker can't choose info-hashes that all belong to one shard, and so to one thread. The kernel
 * computes the same function to deliver a datagram to the thread that owns its torrent
 * (dgram_steer()). Nothing that outlives the process may depend on the assignment: state files and
 * Redis contain info-hashes only.
 */
#ifndef TRACKER_CORE_SHARD_H
#define TRACKER_CORE_SHARD_H

#include "common/base/bytes.h"
#include "common/base/rng.h"
#include "common/codec/tracker.h"

/* Multiply-shift hashing of the first two words of an info-hash: for random factors, two different
 * hashes are assigned to the same part with a probability of at most 2 / |count|. */
struct shard_rule {
    uint32_t count; /* of parts; at most 65535 */
    uint32_t factors[2], addend;
};

static inline struct shard_rule
shard_rule_make(unsigned count, struct rng *rng)
{
    return (struct shard_rule){
        .count = count,
        .factors = {(uint32_t)rng_u64(rng) | 1, (uint32_t)rng_u64(rng) | 1},
        .addend = (uint32_t)rng_u64(rng),
    };
}

static inline unsigned
shard_of(const struct shard_rule *r, const uint8_t hash[TRACKER_HASH_LEN])
{
    uint32_t x = get_u32be(hash) * r->factors[0] + get_u32be(hash + 4) * r->factors[1] + r->addend;

    return (x >> 16) * r->count >> 16;
}

#endif
