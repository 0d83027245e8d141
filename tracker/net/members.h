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
    uint32_t entries_max; /* sessions of all stripes whose counters wait for the accounts */
    uint32_t gap_max_s;   /* see ledger.h */
    uint32_t user_sessions_max, torrent_sessions_max; /* see quota.h */
    uint32_t user_rate;     /* announces of a user per minute (userrate.h); 0: any number */
    uint32_t silence_s;     /* time without an announce after which a torrent uses no slot */
    int64_t unix_offset_us; /* Unix time minus the monotonic clock */
};

/* |seed| must be a secret. NULL when memory is out. */
struct members *members_new(const uint64_t seed[2], const struct members_config *config);
void members_free(struct members *m);

/* Sets a callback that is called when a stripe becomes half full, from the thread that filled it,
 * at most once until members_swap(). It must not call functions of this module. Call before any
 * visit. */
void members_on_full(struct members *m, void (*full)(void *ctx), void *ctx);

/* Sets the difference of the clocks again, since the wall clock may have been set. Call about once
 * a second. */
void members_set_unix_offset(struct members *m, int64_t offset_us);

/* Returns the total of seconds by which the wall clock was set back since the start, rounded up. */
uint32_t members_back_s(const struct members *m);

/* Sets the two times of |config| that depend on the announce interval, after a reload. All parts of
 * a private tracker read them here. From any thread. */
void members_set_times(struct members *m, uint32_t gap_max_s, uint32_t silence_s);
uint32_t members_gap_max_s(const struct members *m);
uint32_t members_silence_s(const struct members *m);

/* Sets the limits on a user's sessions (quota.h) and announces after a reload. From any thread. */
void members_set_quota(struct members *m, uint32_t user_max, uint32_t torrent_max,
                       uint32_t user_rate);

/* Locks the table for a change by the calling thread; no other thread can read it meanwhile. */
struct access *members_lock(struct members *m);
void members_unlock(struct members *m);

/* A sink that puts rows into the table. It locks the table for each row alone, so that workers can
 * read it between two rows. */
struct access_sink members_sink(struct members *m);

/* Makes an empty table with the same secret. The caller fills it and passes it to members_replace()
 * or access_free(). NULL when memory is out. */
struct access *members_new_table(const struct members *m);

/* Replaces the table by |table|, which it takes over. */
void members_replace(struct members *m, struct access *table);

/* Refuses all announces until members_replace() is called. */
void members_await_table(struct members *m);

/* Takes all entries of stripe |i|: swaps its page for |page|, which must be empty. */
void members_swap(struct members *m, unsigned i, struct ledger_page *page);

/* Slots are shared with other trackers (slots.h). SPRAT_E_NOMEM. */
int members_share_slots(struct members *m);
uint32_t members_take_slots(struct members *m, unsigned i, struct slots_news *out, uint32_t max);
void members_hear_slots(struct members *m, const struct slots_news *n);

/* Numbers: sessions whose counters were not taken by members_swap() yet; users, passkeys and
 * torrents in the table. */
uint64_t members_waiting(struct members *m);
void members_counts(struct members *m, struct access_counts *out);

/* The access of one thread to the tables. Embedded; |members| is borrowed. */
struct members_visit {
    struct members *members;
    bool inside; /* the thread has locked the table for reading */
};
void members_visit_init(struct members_visit *v, struct members *m);
struct tracker_gate members_gate(struct members_visit *v);

#endif
