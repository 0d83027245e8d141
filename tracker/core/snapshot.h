/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The format of the state file, which contains tables of swarms, so that a tracker knows its peers
 * after a restart. A snapshot is written in portions, with announces between them: each swarm has
 * its state of the moment when it was written. A large swarm is written in several records, with
 * announces between these too; a peer that changes between seeding and leeching meanwhile may be
 * missing until it announces again. The swarms of several tables follow each other in any order, so
 * the file can be loaded into any number of tables. No file I/O and no clock.
 *
 *  head    0   8   "SPRTSWM1"
 *          8   8   Unix seconds at which the snapshot was begun
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
    SNAPSHOT_PORTION = 1 << 18, /* bytes that are written in one portion */
};

struct snapshot_head {
    int64_t begun_unix_s;
    uint64_t seed[2];
    bool keeps_ids;
};

/* Appends the head of a snapshot of |s|, and of other tables with the same seed, to |out|, which
 * must be empty.
 */
void snapshot_put_head(const struct swarms *s, struct buf *out, int64_t unix_s);

/* Begins to write |s|. A table can be in one snapshot at a time. */
void snapshot_begin(struct swarms *s);

/* Appends the next portion, about SNAPSHOT_PORTION bytes. |now_s| is the time in the seconds of
 * peersets. Returns 1 if there is more; 0 if all swarms of |s| are written; or the buffer's error,
 * which also cancels the snapshot. */
int snapshot_some(struct swarms *s, struct buf *out, uint16_t now_s);

/* Appends the tail. Uses only |out|, so any thread may call it. */
int snapshot_seal(struct buf *out);

void snapshot_cancel(struct swarms *s);

/* The approximate size of a snapshot of |s| alone. */
size_t snapshot_size(const struct swarms *s);

/* Checks that |data| is a complete snapshot, and reads its head. VERSION, TRUNCATED, HASH. */
int snapshot_open(struct snapshot_head *h, const uint8_t *data, size_t len);

/* Limits on what is loaded from a snapshot. */
struct snapshot_bounds {
    struct shard shard;             /* only swarms of this shard */
    uint32_t passed_s;              /* seconds since the snapshot was begun */
    uint16_t age_max;               /* maximum of seconds since a peer was last seen */
    uint64_t peers_max, swarms_max; /* limits for the totals of |s| */
};

/* Adds the peers of a checked snapshot within |bounds| to |s|, which must have the head's seed, and
 * may keep ids only if the head says so. CORRUPT errors for a snapshot that no tracker wrote, or
 * NOMEM; peers that were loaded before the error stay. */
int snapshot_load(struct swarms *s, const uint8_t *data, size_t len,
                  const struct snapshot_bounds *bounds, uint16_t now_s, struct mono now);

#endif
