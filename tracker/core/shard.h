/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which of several trackers a torrent belongs to. The rule is one that the kernel can follow too,
 * to give a datagram to the thread that owns its torrent (dgram_steer()).
 */
#ifndef TRACKER_CORE_SHARD_H
#define TRACKER_CORE_SHARD_H

#include "common/base/bytes.h"
#include "common/codec/tracker.h"

/* One part of |count|; all torrents are {0, 1}. */
struct shard {
    unsigned index, count;
};

static inline unsigned
shard_of(const uint8_t hash[TRACKER_HASH_LEN], unsigned count)
{
    return count == 1 ? 0 : get_u32be(hash) % count;
}

static inline bool
shard_has(const struct shard *s, const uint8_t hash[TRACKER_HASH_LEN])
{
    return shard_of(hash, s->count) == s->index;
}

#endif
