/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rate meters and token buckets. A meter gives the bytes per second of the last seconds; a bucket
 * enforces an average rate and never lets more than a short burst through at once.
 */
#ifndef PEER_CORE_RATE_H
#define PEER_CORE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"
#include "common/ds/list.h"
#include "peer/core/allowance.h"

enum {
    RATE_SLOTS = 10,       /* a meter's memory, in slots of one second */
    RATE_PART_MS = 50,     /* one part of a transfer: the limit times this time */
    RATE_PART_MIN = 256,   /* smallest part, in bytes */
    RATE_PART_MAX = 16384, /* most bytes of a part, unless there is no limit */
    RATE_TURN_MS = 5,      /* a turn of a waiting user: one part, or the limit times this time, if
                              that is more */
    RATE_YIELD_US = 1000,  /* time between two checks of a waiting user whether its turn came */
    RATE_KEEP_MS = 10000,  /* depth of a bucket whose user waits for another bucket, in place of
                              RATE_BURST_MS */
    RATE_BURST_MS = 100,   /* depth of a bucket: the limit times this */
    RATE_OVERHEAD_PERCENT = 75, /* the most that rate_bucket_overhead() takes of the limit */
};

#define RATE_LIMIT_MAX UINT64_C(1000000000000) /* bytes/s; a higher limit counts as this one */
#define RATE_TAKE_MAX  UINT64_C(1000000000000) /* bytes; a larger take counts as this one */
#define RATE_DEBT_MAX  INT64_C(2000000000000)  /* bytes; the largest debt of a bucket */

/* Embedded; starts as all zero. Private except for |total|, the sum of all bytes. */
struct rate_meter {
    uint64_t slots[RATE_SLOTS];
    int64_t second;    /* second of the newest slot */
    struct mono first; /* when the first bytes came */
    bool fed;
    uint64_t total;
};

void rate_meter_add(struct rate_meter *m, uint64_t bytes, struct mono now);

/* Bytes/s: the mean of the last RATE_SLOTS seconds, or since the first bytes if that is shorter,
 * but over at least one second. */
uint64_t rate_meter_rate(const struct rate_meter *m, struct mono now);

/* A token bucket, which several torrents of one loop may share. A new bucket is empty, so that the
 * limit holds from the first second. It must not move in memory after its initialisation. */
struct rate_bucket {
    uint64_t limit; /* bytes/s; 0: unlimited */
    int64_t tokens; /* bytes × 1e6; a take may make it negative, down to -RATE_DEBT_MAX */
    struct mono filled_at;
    bool keeps;
    struct list line; /* waiting users, the next one first */
    struct allowance overhead;
};

/* A user of a shared bucket. Embedded; private. */
struct rate_user {
    struct list link;
    uint32_t served; /* bytes taken in the present turn */
    bool begun;      /* the turn is not over: the user continues as the first in line */
};

void rate_bucket_init(struct rate_bucket *b, uint64_t limit, struct mono now);
void rate_bucket_set(struct rate_bucket *b, uint64_t limit, struct mono now);

/* How many of |want| bytes to take at once, so that a slow limit gives a steady trickle instead of
 * whole blocks now and then. 0 only if |want| is. */
uint32_t rate_bucket_part(const struct rate_bucket *b, uint32_t want);

/* Takes |bytes| if the bucket is not in debt, and may leave it in debt. False, and nothing is
 * taken, if the bucket is in debt or it is another user's turn. A user that takes leaves the line.
 * A full bucket serves every user: the user whose turn it is does not want it. */
bool rate_bucket_take(struct rate_bucket *b, struct rate_user *u, uint64_t bytes, struct mono now);

void rate_user_init(struct rate_user *u);
static inline bool
rate_user_waits(const struct rate_user *u)
{
    return list_linked(&u->link);
}
/* Puts the user in line behind the others if it is not there yet, or in front of them if its turn
 * is not over, so that users share the bucket evenly in bytes whatever they take at a time. The
 * turn comes when rate_user_ready() says so. */
void rate_bucket_wait(struct rate_bucket *b, struct rate_user *u);
/* Removes the user from the line, if it is there: when it wants no more bytes, and before the user
 * or the bucket is freed. */
void rate_user_leave(struct rate_user *u);

/* With |keep|, unused tokens accumulate beyond the burst, because the bucket's user wants them and
 * waits for another bucket; without, they are cut to the burst again. */
void rate_bucket_keep(struct rate_bucket *b, bool keep, struct mono now);

/* Puts back bytes that were taken and not used. */
void rate_bucket_return(struct rate_bucket *b, uint64_t bytes);

/* Takes |bytes| without regard to debt and turns: for bytes that have already passed. */
void rate_bucket_charge(struct rate_bucket *b, uint64_t bytes, struct mono now);

/* As rate_bucket_charge(), for bytes that can't wait for the limit (messages and headers). They
 * take RATE_OVERHEAD_PERCENT of the limit in the long run, and what is beyond that is not charged:
 * otherwise no block could pass while the messages alone are more than the limit. */
void rate_bucket_overhead(struct rate_bucket *b, uint64_t bytes, struct mono now);
/* How many of |bytes| rate_bucket_overhead() would charge; the caller charges them later. */
uint64_t rate_bucket_overhead_part(struct rate_bucket *b, uint64_t bytes, struct mono now);

/* When a take will succeed; |now| if it succeeds now, or there is no limit. */
struct mono rate_bucket_ready(const struct rate_bucket *b, struct mono now);

/* As rate_bucket_ready(), for one user: while others are ahead of it in line, it has to check again
 * a moment later. */
struct mono rate_user_ready(const struct rate_bucket *b, const struct rate_user *u,
                            struct mono now);

#endif
