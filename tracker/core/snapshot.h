/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The format of the state file, which contains tables of swarms, so that a tracker knows its peers
 * after a restart. A snapshot is written in portions, with announces between them: each swarm has
 * its state of the moment when it was written. A large swarm is written in several records, with
 * announces between these too; a peer that changes between seeding and leeching meanwhile may be
 * missing until it announces again. The swarms of several tables follow each other in any order, so
 * the file can be loaded into any number of tables. Writer and reader need no more memory than a
 * portion, and leave the tail to their caller. No file I/O and no clock.
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

#include "common/codec/cursor.h"
#include "common/crypto/sha.h"
#include "common/ds/buf.h"
#include "tracker/core/swarms.h"

enum {
    SNAPSHOT_HEAD_LEN = 33,
    SNAPSHOT_TAIL_LEN = SHA256_LEN,
    SNAPSHOT_PORTION = 1 << 16,     /* bytes that are written in one portion */
    SNAPSHOT_PORTION_MAX = 1 << 17, /* its last record may exceed that */
    SNAPSHOT_ITEM_MAX = 44,         /* bytes of a peer, or of a swarm before its peers */
};

/* ---- writing ---- */

/* Appends the head of a snapshot of |s|, and of other tables with the same seed, to |out|. */
void snapshot_put_head(const struct swarms *s, struct buf *out, int64_t unix_s);

/* Begins to write |s|. A table can be in one snapshot at a time. */
void snapshot_begin(struct swarms *s);

/* Appends the next portion, at most SNAPSHOT_PORTION_MAX bytes, maybe none. |now_s| is the time in
 * the seconds of peersets. Returns 1 if there is more; 0 if all swarms of |s| are written; or the
 * buffer's error, which also cancels the snapshot. */
int snapshot_some(struct swarms *s, struct buf *out, uint16_t now_s);

void snapshot_cancel(struct swarms *s);

/* ---- reading ---- */

struct snapshot_head {
    int64_t begun_unix_s;
    uint64_t seed[2];
    bool keeps_ids;
};

/* VERSION if |data| is not the head of a snapshot. */
int snapshot_get_head(struct snapshot_head *h, const uint8_t data[SNAPSHOT_HEAD_LEN]);

/* Reads what is between head and tail. Embedded. */
struct snapshot_reader {
    uint8_t info_hash[TRACKER_HASH_LEN]; /* of the current swarm */
    uint32_t downloaded;
    uint32_t left[4]; /* its peers that are not read yet, in the order of the format */
    bool has_ids;
};

void snapshot_reader_init(struct snapshot_reader *r, const struct snapshot_head *h);

/* Peers of one swarm that follow each other in a snapshot; maybe none. */
struct snapshot_run {
    const uint8_t *info_hash; /* in the reader, until its next call */
    uint32_t downloaded;
    uint8_t family;
    bool seeds, has_ids;
    uint32_t count;
    const uint8_t *peers; /* in the bytes that were read */
};

/* Reads the next run. Returns 1, or 0 if no whole item is left: |c| is then at the first of fewer
 * than SNAPSHOT_ITEM_MAX bytes, which must be passed again with the bytes after them. All bytes are
 * the beginning of some snapshot, so there is no error before the end. */
int snapshot_read(struct snapshot_reader *r, struct cursor *c, struct snapshot_run *run);

/* True between two swarms: only there, and with no byte left, a snapshot may end. */
bool snapshot_reader_done(const struct snapshot_reader *r);

/* Limits on what is loaded from a snapshot. */
struct snapshot_bounds {
    uint32_t passed_s;              /* seconds since the snapshot was begun */
    uint16_t age_max;               /* maximum of seconds since a peer was last seen */
    uint64_t peers_max, swarms_max; /* limits for the totals of |s| */
};

/* Adds the swarm and the peers of |run| within |bounds| to |s|, which must have the head's seed,
 * and may keep ids only if the run has some. NOMEM: the peers that were added before stay. */
int snapshot_load(struct swarms *s, const struct snapshot_run *run,
                  const struct snapshot_bounds *bounds, uint16_t now_s, struct mono now);

#endif
