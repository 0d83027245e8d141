/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Limits the sessions of each user of a private tracker, in all and in one torrent. A session is a
 * user, a torrent and a peer id. It counts from its first announce until it is silent for too long.
 * A session that sent "stopped" counts less, but it counts: otherwise a client that makes up peer
 * ids, starts and stops could add any number of sessions to the accounts. No clock, no lock. A
 * restart loses all counts; they are complete again when each client has announced once.
 *
 * A session takes 16 bytes, in a table that is at least half full and at most three quarters. The
 * table is divided into parts that grow one at a time, so that no announce waits while all of it is
 * copied. Each announce examines a few entries to find silent sessions.
 */
#ifndef TRACKER_CORE_QUOTA_H
#define TRACKER_CORE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codec/tracker.h"

enum {
    QUOTA_PARTS = 64,
    QUOTA_PART_MAX = 1 << 20, /* entries of a part */
    QUOTA_LOOKS = 4,          /* entries that an announce examines for silent sessions */
    QUOTA_ENDED_SHARE = 4,    /* a torrent may have 4 × |torrent_max| ended sessions */
};

struct quota_place;

struct quota_part {
    struct quota_place *places;
    uint32_t size, used; /* entries; |size| is a power of two, or 0 */
};

/* The limits on the sessions of a user. */
struct quota_limits {
    uint32_t user_max; /* in all, including those that ended within |silence_s|; 0: no limits, and
                          nothing is counted */
    uint32_t torrent_max; /* at a time in one torrent; above 0 */
    uint32_t silence_s;   /* a session that is silent for so long has ended */
};

/* Embedded; private except |limits|, which may be changed; existing sessions stay. */
struct quota {
    struct quota_part parts[QUOTA_PARTS];
    struct quota_limits limits;
    uint64_t seed[2];
    uint32_t sweep_part, sweep_at; /* the entry to examine next */
};

/* |seed| must be a secret. */
void quota_init(struct quota *q, const uint64_t seed[2], const struct quota_limits *limits);
void quota_fini(struct quota *q);

enum quota_answer {
    QUOTA_WITHIN,
    QUOTA_USER,    /* the user has too many sessions */
    QUOTA_TORRENT, /* the user has too many sessions in this torrent */
    QUOTA_NOMEM,
};

/* Prefetches the entry at which the search for a session begins. */
void quota_prefetch(const struct quota *q, uint32_t user, uint32_t torrent);

/* Counts an announce of the session at |unix_s|; |ends|: it is "stopped". |session| is a keyed hash
 * of at least the peer id: clients must not be able to make up sessions with the same hash. An
 * unknown session is added unless a limit is reached; at the limit of a torrent it replaces a
 * session that has missed an announce. Repeating a call has the same result. */
enum quota_answer quota_take(struct quota *q, uint32_t user, uint32_t torrent, uint32_t session,
                             bool ends, int64_t unix_s);

/* Returns the number of the user's sessions. */
uint32_t quota_count(const struct quota *q, uint32_t user);

#endif
