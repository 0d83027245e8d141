/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What was announced and is not in the accounts yet: for each session the newest counters, and what
 * is needed to find out later what was moved since the accounts last heard of it. A session is a
 * user, a torrent, a peer id and a key; the address is no part of it, so that a peer with an
 * address in each family (BEP 7), or one that announces both hashes of a hybrid, is one entry and
 * counts once. No clock, no I/O, no lock.
 *
 * Clients report absolute counters since "started". So an entry is right whatever was lost before
 * it, and there is nothing to lose when a process dies with it but what no client will report
 * again.
 *
 *  counters that rise       the session goes on; the entry has the newest
 *  lower, and "started"     the client began anew: another segment; what the one before came to is
 *                           carried on in the entry
 *  lower, after "stopped"   the same if LEDGER_LATE_S have passed since: its "started" was lost
 *  lower otherwise          an old packet that came late; a counter never goes back. Or the client
 *                           told another tracker of the fleet that it began anew: what it says is
 *                           put aside in the entry, for the accounts to tell which it is
 *  above LEDGER_COUNTER_MAX not believed: the announce changes no counter, and is marked ABSURD
 *
 * What an entry comes to against what the accounts know of the session is accounts.h's business.
 */
#ifndef TRACKER_CORE_LEDGER_H
#define TRACKER_CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/tracker.h"
#include "tracker/core/hashindex.h"

enum {
    LEDGER_ENTRIES_MAX = 1 << 24, /* of one ledger, whatever is asked for */
    LEDGER_RESERVE_PARTS = 8, /* of this many parts of the room one is for who says "stopped": he
                               * will not say it again */
    LEDGER_LATE_S = 120, /* an old packet is not later than that: so long a connection id is good */
};

/* 64 PiB in one session: no line of today moves so much in a year. */
#define LEDGER_COUNTER_MAX (UINT64_C(1) << 56)

/* 32 bytes without padding: compared and hashed as bytes. */
struct ledger_key {
    uint32_t user, torrent;
    uint8_t peer_id[TRACKER_PEER_ID_LEN];
    uint32_t key; /* as announced; 0: none */
};

enum ledger_flags {
    LEDGER_STARTED = 1,       /* the first segment has a "started": |start_up| and |start_down| */
    LEDGER_RESTARTED = 2,     /* there is more than one segment */
    LEDGER_COMPLETED = 4,     /* |completed_s| is set */
    LEDGER_FIRST_SEEDS = 8,   /* the first announce said that nothing is left, */
    LEDGER_LAST_SEEDS = 16,   /* and the last one, and that it goes on */
    LEDGER_ABSURD = 32,       /* there were counters beyond belief */
    LEDGER_NAMED_CLIENT = 64, /* a rule allows this client by name */
    LEDGER_OPENED = 128,      /* |open_up| and |open_down| are set */
    LEDGER_ENDED = 256,       /* the last announce said "stopped" */
    LEDGER_SURE = 512,        /* RESTARTED: nothing of the last segment is older than |segment_s| */
    LEDGER_FLAGS_ALL = 1023,
};

/* Bytes, and unix seconds. What nearly every announce touches stands on the first 64 bytes, which
 * are one line of the processor's cache. */
struct ledger_entry {
    _Alignas(64) struct ledger_key key;
    uint64_t up, down;   /* the newest of the last segment */
    uint32_t last_s;     /* of the last announce */
    uint32_t leechers_s; /* when the swarm last had another leecher, at the last announce */
    uint32_t seed_s;     /* seconds that it seeded between first and last announce */
    uint32_t flags;      /* enum ledger_flags */

    uint64_t left;                 /* at the last announce */
    uint32_t rise_s;               /* when |up| or |down| last rose: a late packet is not it */
    uint32_t first_s, completed_s; /* of the first announce and of "completed"; 0: none */
    uint32_t start_s;              /* STARTED: when it was said */
    uint32_t first_rise_s;         /* RESTARTED: |rise_s| of the first segment, */
    uint32_t mid_s, segment_s;     /* when the second began, and when the last did */
    uint32_t aside_s;              /* of what is put aside; 0: nothing is */
    uint64_t open_up, open_down;   /* OPENED: the counters of the first announce */
    uint64_t start_up, start_down; /* STARTED: the counters that "started" came with */
    uint64_t first_up, first_down; /* RESTARTED: what the first segment came to */
    uint64_t mid_up, mid_down;     /* RESTARTED: the sum of those between the first and the last */
    uint64_t aside_up, aside_down; /* counters below |up| or |down| that came without "started" */
};

/* What a ledger holds, and what is handed over as a whole; all zero is an empty one. */
struct ledger_page {
    struct ledger_entry *entries;
    uint32_t count, cap;
    struct hashindex index;
};

void ledger_page_fini(struct ledger_page *p);
/* Empties it and keeps the memory. */
void ledger_page_clear(struct ledger_page *p);

/* Embedded; read |page.count|. */
struct ledger {
    struct ledger_page page;
    uint64_t seed[2];
    uint32_t max;       /* entries */
    uint32_t gap_max_s; /* time between two announces of a seeder that counts as seeding */
};

/* |max| is at most LEDGER_ENTRIES_MAX. */
void ledger_init(struct ledger *l, const uint64_t seed[2], uint32_t max, uint32_t gap_max_s);
void ledger_fini(struct ledger *l);

/* One announce that was granted. */
struct ledger_note {
    struct ledger_key key;
    uint32_t hash; /* of the key */
    int64_t unix_s;
    int64_t leechers_s;
    bool named_client;
};

/* The session that an announce belongs to. */
struct ledger_key ledger_key_of(const struct tracker_announce *a, uint32_t user, uint32_t torrent);

/* The key's hash, for ledger_put(). Gets the place in the index that this looks at first on its way
 * from memory; the second call, some time later, the entry. */
uint32_t ledger_prefetch(const struct ledger *l, const struct ledger_key *key);
void ledger_prefetch_entry(const struct ledger *l, uint32_t hash);

/* Enters it. LIMIT when the ledger is full, NOMEM: nothing is changed, and the announce must be
 * refused, so that the client comes again. */
int ledger_put(struct ledger *l, const struct tracker_announce *a, const struct ledger_note *n);

/* True when it is so full that it should be flushed before its time. */
static inline bool
ledger_is_half_full(const struct ledger *l)
{
    return l->page.count >= l->max / 2;
}

/* Hands over all entries: |page|, which must be clear, becomes the ledger's, and its is in |page|
 * afterwards. */
void ledger_swap(struct ledger *l, struct ledger_page *page);

#endif
