/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One torrent's way to a bucket that it shares with others, with a limit of its own in front: what
 * passes is paid to both, or to neither. Who is held back by its own limit does not stand in the
 * others' way.
 */
#ifndef PEER_CORE_RATETAP_H
#define PEER_CORE_RATETAP_H

#include "peer/core/rate.h"

/* Embedded; private. It stays where it was initialised. */
struct rate_tap {
    struct rate_bucket own;
    struct rate_bucket *shared;
    struct rate_user user; /* of |shared| */
};

/* |shared| outlives it. Its own limit is 0 (none) at first. */
void rate_tap_init(struct rate_tap *t, struct rate_bucket *shared, struct mono now);
void rate_tap_set(struct rate_tap *t, uint64_t limit, struct mono now);

/* The lower of the two limits in bytes/s; 0: unlimited. */
uint64_t rate_tap_limit(const struct rate_tap *t);

/* As rate_bucket_part(), of both. */
uint32_t rate_tap_part(const struct rate_tap *t, uint32_t want);

/* As rate_bucket_take(), of both. */
bool rate_tap_take(struct rate_tap *t, uint64_t bytes, struct mono now);

/* After a take that failed: waits for rate_tap_ready(), and stands in the shared bucket's line
 * unless its own limit is in the way. */
void rate_tap_wait(struct rate_tap *t, struct mono now);
/* Wants nothing more for now; also before it or the shared bucket goes. */
void rate_tap_leave(struct rate_tap *t, struct mono now);
struct mono rate_tap_ready(const struct rate_tap *t, struct mono now);

/* Puts back what was paid and not used; pays for what came without having been paid for. */
void rate_tap_return(struct rate_tap *t, uint64_t bytes);
void rate_tap_charge(struct rate_tap *t, uint64_t bytes, struct mono now);

#endif
