/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many sessions each user of a private tracker has: in all, and of one torrent. A session is a
 * user, a torrent and a peer id. It counts from its first announce until it is silent for too long.
 * One that said "stopped" counts less, but counts: else a client that makes up peer ids, starts and
 * stops could have any number of them in the accounts. No clock, no lock; all is forgotten at a
 * restart, and known again when each client has announced once.
 *
 * A session takes 16 bytes, in a table that is at least half full and at most three quarters. It is
 * cut into parts that grow one at a time, so that no announce waits for all of it. Sessions that
 * are silent are found by the announces of others: each looks at a few places.
 */
#ifndef TRACKER_CORE_QUOTA_H
#define TRACKER_CORE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codec/tracker.h"

enum {
    QUOTA_PARTS = 64,
    QUOTA_PART_MAX = 1 << 20, /* places of a part */
    QUOTA_LOOKS = 4,          /* places that an announce looks at for silent sessions */
    QUOTA_ENDED_SHARE = 4,    /* of a torrent, so many times as many sessions may have ended */
};

struct quota_place;

struct quota_part {
    struct quota_place *places;
    uint32_t size, used; /* places; |size| is a power of two, or 0 */
};

/* Sessions that a user may have. */
struct quota_limits {
    uint32_t user_max; /* in all, those that ended within |silence_s| too; 0: there is no limit of
                          any kind, and nothing is counted */
    uint32_t torrent_max; /* at once of one torrent; above 0 */
    uint32_t silence_s;   /* a session that is silent for so long is none */
};

/* Embedded; private but for |limits|, which may be changed: sessions that are there stay. */
struct quota {
    struct quota_part parts[QUOTA_PARTS];
    struct quota_limits limits;
    uint64_t seed[2];
    uint32_t sweep_part, sweep_at; /* where the next look is */
};

/* |seed| must be a secret. */
void quota_init(struct quota *q, const uint64_t seed[2], const struct quota_limits *limits);
void quota_fini(struct quota *q);

enum quota_answer {
    QUOTA_WITHIN,
    QUOTA_USER,    /* the user has too many sessions, */
    QUOTA_TORRENT, /* or too many of this torrent */
    QUOTA_NOMEM,
};

/* Gets the place where the search for a session begins on its way from memory. */
void quota_prefetch(const struct quota *q, uint32_t user, uint32_t torrent);

/* The session announces at |unix_s|, or says that it |ends|. If it is not known it is counted,
 * unless the user has as many as he may. Where a torrent has as many, one that has missed an
 * announce makes room. The answer does not depend on how often it is asked. */
enum quota_answer quota_take(struct quota *q, uint32_t user, uint32_t torrent,
                             const uint8_t peer_id[TRACKER_PEER_ID_LEN], bool ends, int64_t unix_s);

/* The user's sessions that count. */
uint32_t quota_count(const struct quota *q, uint32_t user);

#endif
