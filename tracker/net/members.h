/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tables of a private tracker, shared by many threads. The users, passkeys and torrents
 * (access.h) have one lock, under which all workers read. The ledgers and slots are divided by user
 * into stripes, each with its own lock.
 *
 * Stripes are by user, not by torrent like the shards, for two reasons: the two hashes of a hybrid
 * belong to two shards but are one session, and slots count the torrents of a user. A thread takes
 * the locks in this order: the table's (once per batch of packets), a shard's, a stripe's.
 */
#ifndef TRACKER_NET_MEMBERS_H
#define TRACKER_NET_MEMBERS_H

#include "tracker/core/gate.h"

enum { MEMBERS_STRIPES = 16 };

struct members;

struct members_config {
    uint32_t entries_max; /* announced sessions that wait for the accounts, of all stripes */
    uint32_t gap_max_s;   /* see ledger.h */
    uint32_t user_sessions_max, torrent_sessions_max; /* see quota.h */
    uint32_t silence_s; /* a torrent of which so long nothing is heard is not leeched any more */
    int64_t unix_offset_us; /* what to add to the monotonic clock for Unix time */
};

/* |seed| must be a secret. NULL when memory is out. */
struct members *members_new(const uint64_t seed[2], const struct members_config *config);
void members_free(struct members *m);

/* Calls |full| from the thread that made a stripe half full, at most once until members_swap(); it
 * must not call back. Before any visit. */
void members_on_full(struct members *m, void (*full)(void *ctx), void *ctx);

/* The wall clock may have been set. To be called every second or so. */
void members_set_unix_offset(struct members *m, int64_t offset_us);

/* Returns by how many seconds in total the wall clock was set back since the start, rounded up. */
uint32_t members_back_s(const struct members *m);

/* The announce interval was changed: the two times of |config| that follow from it. All parts of a
 * private tracker ask for them here. From any thread. */
void members_set_times(struct members *m, uint32_t gap_max_s, uint32_t silence_s);
uint32_t members_gap_max_s(const struct members *m);
uint32_t members_silence_s(const struct members *m);

/* The limits on sessions (quota.h) were changed. From any thread. */
void members_set_quota(struct members *m, uint32_t user_max, uint32_t torrent_max);

/* Locks the table for a change by the calling thread; no other thread can read it meanwhile. */
struct access *members_lock(struct members *m);
void members_unlock(struct members *m);

/* A sink that puts each row into the table, alone with it for each: workers get in between two. */
struct access_sink members_sink(struct members *m);

/* An empty table of the same secret, to be filled beside and then given to members_replace(), or
 * access_free(). NULL when memory is out. */
struct access *members_new_table(const struct members *m);

/* Takes |table| in place of the present one. */
void members_replace(struct members *m, struct access *table);

/* Refuses all announces until members_replace() brings the table. */
void members_await_table(struct members *m);

/* Takes all that stripe |i| has noted: |page| must be clear, and is the stripe's afterwards. */
void members_swap(struct members *m, unsigned i, struct ledger_page *page);

/* Slots are shared with other trackers (slots.h). SPRAT_E_NOMEM. */
int members_share_slots(struct members *m);
uint32_t members_take_slots(struct members *m, unsigned i, struct slots_news *out, uint32_t max);
void members_hear_slots(struct members *m, const struct slots_news *n);

/* Sessions that are noted and were not taken yet; of users, passkeys and torrents in the table. */
uint64_t members_waiting(struct members *m);
void members_counts(struct members *m, struct access_counts *out);

/* One thread's way in. Embedded; |members| is borrowed. */
struct members_visit {
    struct members *members;
    bool inside; /* it reads the table */
};
void members_visit_init(struct members_visit *v, struct members *m);
struct tracker_gate members_gate(struct members_visit *v);

#endif
