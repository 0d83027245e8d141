/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tables of swarms as bytes, so that a tracker that starts again knows its peers. They are written
 * in portions, with announces between them: each swarm is as it was when its turn came, and a large
 * one is written in several records, with announces between these too. A peer of it that changes
 * between seeding and leeching meanwhile may be missing, and is known again when it announces. The
 * swarms of several tables stand one behind the other, in any order: nothing in it tells how many
 * there were. No file and no clock.
 *
 *  head    0   8   "SPRTSWM1"
 *          8   8   when it was begun, Unix seconds
 *          16  16  seed of the hash that the peers' tags are made with: a secret
 *          32  1   1 if peer ids are kept
 *  swarm   0   20  info-hash
 *          20  4   completions
 *          24  16  numbers of IPv4 seeders and leechers, IPv6 seeders and leechers
 *          40  n   the IPv4 peers, then the IPv6 peers, seeders first
 *  peer    0   6 or 18  compact endpoint
 *          6   2   seconds since it was last seen
 *          8   4   tag and flags (peerset.h)
 *          12  20  peer id, if they are kept
 *  tail    0   32  SHA-256 of all before it
 */
#ifndef TRACKER_CORE_SNAPSHOT_H
#define TRACKER_CORE_SNAPSHOT_H

#include "common/ds/buf.h"
#include "tracker/core/shard.h"
#include "tracker/core/swarms.h"

enum {
    SNAPSHOT_HEAD_LEN = 33,
    SNAPSHOT_TAIL_LEN = 32,
    SNAPSHOT_PORTION = 1 << 18, /* bytes that are written before others have a turn */
};

struct snapshot_head {
    int64_t begun_unix_s;
    uint64_t seed[2];
    bool keeps_ids;
};

/* Puts the head of a snapshot of |s|, and of others with the same seed, into |out|, which is empty.
 */
void snapshot_put_head(const struct swarms *s, struct buf *out, int64_t unix_s);

/* Begins with the swarms of |s|; one snapshot at a time. */
void snapshot_begin(struct swarms *s);

/* Appends the next peers, about SNAPSHOT_PORTION bytes. |now_s| is the time in the peersets'
 * seconds. 1: there are more; 0: that was all but the tail; or the buffer's error, and it is over
 * as by snapshot_cancel(). */
int snapshot_some(struct swarms *s, struct buf *out, uint16_t now_s);

/* Appends the tail. Touches nothing but |out|: any thread may do it. */
int snapshot_seal(struct buf *out);

void snapshot_cancel(struct swarms *s);

/* How large a snapshot of |s| alone will be, about. */
size_t snapshot_size(const struct swarms *s);

/* Checks that |data| is a whole snapshot and reads its head. VERSION, TRUNCATED, HASH. */
int snapshot_open(struct snapshot_head *h, const uint8_t *data, size_t len);

/* What of a snapshot is loaded. */
struct snapshot_bounds {
    struct shard shard;             /* the swarms of this one */
    uint32_t passed_s;              /* seconds since it was begun */
    uint16_t age_max;               /* seconds since a peer was last seen, by now */
    uint64_t peers_max, swarms_max; /* in |s|'s totals */
};

/* Adds what a checked snapshot holds within |bounds| to |s|, which has the head's seed, and keeps
 * ids only if the head says so. CORRUPT errors for a snapshot that no tracker wrote, NOMEM; what
 * was read until then stays. */
int snapshot_load(struct swarms *s, const uint8_t *data, size_t len,
                  const struct snapshot_bounds *bounds, uint16_t now_s, struct mono now);

#endif
