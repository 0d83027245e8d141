/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rate meters and token buckets. A meter answers "bytes per second of late"; a bucket holds an
 * average over time and never lets more than a short burst through at once.
 */
#ifndef PEER_CORE_RATE_H
#define PEER_CORE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"
#include "common/ds/list.h"

enum {
    RATE_SLOTS = 10,        /* of one second each: a meter's memory */
    RATE_PART_MS = 50,      /* a part is so much time's worth at the limit, */
    RATE_PART_MIN = 256,    /* but at least so many bytes, */
    RATE_PART_MAX = 16384,  /* and at most so many, unless nothing is limited */
    RATE_TURN_MS = 5,       /* a turn in the line of those who wait: a part, and so much at least */
    RATE_YIELD_US = 1000,   /* who waits looks so often whether its turn came */
    RATE_KEEP_MS = 10000,   /* as RATE_BURST_MS, while its user waits elsewhere */
    RATE_BURST_MS = 100,    /* a bucket's depth in time at its rate */
};

#define RATE_LIMIT_MAX UINT64_C(1000000000000) /* bytes/s; a higher limit counts as this one */
#define RATE_TAKE_MAX  UINT64_C(1000000000000) /* bytes; a larger take counts as this one */
#define RATE_DEBT_MAX  INT64_C(2000000000000)  /* bytes; no bucket owes more */

/* Embedded; starts as all zero. Private but for |total|, all bytes ever added. */
struct rate_meter {
    uint64_t slots[RATE_SLOTS];
    int64_t second;    /* the newest slot's */
    struct mono first; /* when it was fed first */
    bool fed;
    uint64_t total;
};

void rate_meter_add(struct rate_meter *m, uint64_t bytes, struct mono now);

/* Bytes/s: the mean of the last RATE_SLOTS seconds, or of its life if that is shorter, but of one
 * second at least. */
uint64_t rate_meter_rate(const struct rate_meter *m, struct mono now);

/* May be shared by many torrents of one loop. A new bucket is empty, not full: a limit holds from
 * its first second. It stays where it was initialised. */
struct rate_bucket {
    uint64_t limit; /* bytes/s; 0: unlimited */
    int64_t tokens; /* bytes × 1e6, may be negative after a take, down to RATE_DEBT_MAX */
    struct mono filled_at;
    bool keeps;
    struct list line; /* users that wait, the first one first */
};

/* One of those who share a bucket. Embedded; private. */
struct rate_user {
    struct list link;
    uint32_t served; /* bytes, in its turn */
    bool begun;      /* its turn is not over: it goes on as the first in line */
};

void rate_bucket_init(struct rate_bucket *b, uint64_t limit, struct mono now);
void rate_bucket_set(struct rate_bucket *b, uint64_t limit, struct mono now);

/* How many of |want| bytes should be taken at once, so that a slow limit is a trickle and not a
 * block now and then. Never 0, unless |want| is. */
uint32_t rate_bucket_part(const struct rate_bucket *b, uint32_t want);

/* Takes |bytes| if the bucket is not in debt, and may leave it in debt; false, and nothing taken,
 * if it is, or if it is the turn of another user. Who takes does not wait any more. A full bucket
 * is for everybody: then whose turn it is does not want it. */
bool rate_bucket_take(struct rate_bucket *b, struct rate_user *u, uint64_t bytes, struct mono now);

void rate_user_init(struct rate_user *u);
static inline bool
rate_user_waits(const struct rate_user *u)
{
    return list_linked(&u->link);
}
/* Stands in line behind the others, unless it does already, or before them if it has not had its
 * turn yet: shares are even in bytes, whatever is taken at a time. It comes when
 * rate_user_ready(). */
void rate_bucket_wait(struct rate_bucket *b, struct rate_user *u);
/* Leaves the line, if it stands in it: before the user or the bucket goes,
 * and when it wants no more. */
void rate_user_leave(struct rate_user *u);

/* From now on, what nobody takes adds up beyond the burst, or (|keep| false) is cut to it again:
 * its user wants it, and waits for something else. */
void rate_bucket_keep(struct rate_bucket *b, bool keep, struct mono now);

/* Puts back what was taken and not used. */
void rate_bucket_return(struct rate_bucket *b, uint64_t bytes);

/* Takes |bytes| whatever it holds and whoever's turn it is: they are gone already. */
void rate_bucket_charge(struct rate_bucket *b, uint64_t bytes, struct mono now);

/* When a take will succeed again; |now| if it would now, or unlimited. */
struct mono rate_bucket_ready(const struct rate_bucket *b, struct mono now);

/* The same for one of its users: while others stand before it in the line, it is to look again a
 * moment later. */
struct mono rate_user_ready(const struct rate_bucket *b, const struct rate_user *u,
                            struct mono now);

#endif
