/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One torrent's access to a shared rate bucket, with the torrent's own limit in front: bytes are
 * charged to both buckets, or to neither. A torrent that its own limit holds back does not block
 * the other users of the shared bucket.
 */
#ifndef PEER_CORE_RATETAP_H
#define PEER_CORE_RATETAP_H

#include "peer/core/rate.h"

/* Embedded; private. Must not move in memory after its initialisation. */
struct rate_tap {
    struct rate_bucket own;
    struct rate_bucket *shared;
    struct rate_user user; /* the torrent as a user of |shared| */
    uint64_t overhead;     /* bytes that the next take charges to |own| too */
};

/* |shared| must outlive the tap. The torrent's own limit is 0 (none) at first. */
void rate_tap_init(struct rate_tap *t, struct rate_bucket *shared, struct mono now);
void rate_tap_set(struct rate_tap *t, uint64_t limit, struct mono now);

/* The lower of both limits in bytes/s; 0: unlimited. */
uint64_t rate_tap_limit(const struct rate_tap *t);

/* As rate_bucket_part(), for both buckets. */
uint32_t rate_tap_part(const struct rate_tap *t, uint32_t want);

/* As rate_bucket_take(), for both buckets. */
bool rate_tap_take(struct rate_tap *t, uint64_t bytes, struct mono now);

/* After a failed take: waits for rate_tap_ready(), and stands in the shared bucket's line unless
 * the torrent's own limit holds it back. */
void rate_tap_wait(struct rate_tap *t, struct mono now);
/* The torrent wants no more bytes for now. Also needed before the tap or the shared bucket is
 * freed. */
void rate_tap_leave(struct rate_tap *t, struct mono now);
struct mono rate_tap_ready(const struct rate_tap *t, struct mono now);

/* rate_tap_return() puts back bytes that were paid and not used; rate_tap_charge() pays for bytes
 * that have already passed; rate_tap_overhead() is rate_bucket_overhead() for both
 * buckets. The torrent's own bucket is charged with the next take: a charge between two takes would
 * put it in debt, and the torrent would lose its place in the shared line. */
void rate_tap_return(struct rate_tap *t, uint64_t bytes);
void rate_tap_charge(struct rate_tap *t, uint64_t bytes, struct mono now);
void rate_tap_overhead(struct rate_tap *t, uint64_t bytes, struct mono now);

#endif
