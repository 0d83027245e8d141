/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A ledger collects the announces since the accounts were last written: for each session the
 * highest counters, and the few other numbers that session.h needs. A session is a user, a torrent
 * and a peer id. Neither the address nor "key" belongs to it, so a peer with an address in each
 * family (BEP 7), or one that announces both hashes of a hybrid (BEP 52), has one entry and counts
 * once. No clock, no I/O, no lock.
 *
 * A client's counters count from its "started" and only rise until its "stopped"; that time is a
 * segment. An announce may arrive late, twice, or behind a later one: a client announces to several
 * addresses, and repeats a request that got no answer at the next address. The ledger therefore
 * keeps maxima. They are the same in whatever order announces arrive.
 *
 * A session gets another entry when an announce can't be merged without losing something:
 *
 *  later than LEDGER_RESEND_S after "stopped"   the announce belongs to another segment
 *  "started" after "stopped", with lower        it may be the first of another segment
 *  counters, or long after another "started"
 *  lower counters, and the higher ones came     no announce is that late, so the counters have
 *  more than LEDGER_RESEND_S before             really fallen
 *
 * The ledger does not decide where a segment begins; session.h does, from the entries.
 */
#ifndef TRACKER_CORE_LEDGER_H
#define TRACKER_CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/tracker.h"
#include "tracker/core/hashindex.h"

enum {
    LEDGER_ENTRIES_MAX = 1 << 24, /* of one ledger, whatever the configuration says */
    LEDGER_RESERVE_PARTS = 8, /* an eighth of the entries is for "stopped", which nobody repeats */
    LEDGER_PARTS_MAX = 8,     /* entries of one session in a ledger; later ones are merged */

    /* Seconds. An announce arrives at most this long after its client made it: a client tries three
     * addresses for a minute each, and a UDP connection id (BEP 15) is good for two minutes. The
     * difference between the clocks of a fleet is included. */
    LEDGER_RESEND_S = 180,
};

/* 64 PiB in one session: no current line transfers so much in a year. */
#define LEDGER_COUNTER_MAX (UINT64_C(1) << 56)

/* The two counters of a client. */
enum ledger_way { LEDGER_UP, LEDGER_DOWN, LEDGER_WAYS };

/* 28 bytes without padding: compared and hashed as bytes. */
struct ledger_key {
    uint32_t user, torrent;
    uint8_t peer_id[TRACKER_PEER_ID_LEN];
};

enum ledger_flags {
    LEDGER_COUNTED = 1,       /* some announce had plausible counters: |open| and |top| are set */
    LEDGER_COMPLETED = 2,     /* |completed_s| is set */
    LEDGER_FIRST_SEEDS = 4,   /* the first announce reported nothing left, */
    LEDGER_LAST_SEEDS = 8,    /* and so did the last one, which was not "stopped" */
    LEDGER_ABSURD = 16,       /* counters above LEDGER_COUNTER_MAX were ignored */
    LEDGER_NAMED_CLIENT = 32, /* a rule allows this client by name */
    LEDGER_FLAGS_ALL = 63,
    LEDGER_CLOSED = 64, /* another entry of the session follows; used only inside the ledger */
};

/* Bytes, and unix seconds of the tracker's clock. The first 64 bytes, one cache line, have what
 * nearly every announce touches. */
struct ledger_entry {
    _Alignas(64) struct ledger_key key;
    uint16_t flags;              /* enum ledger_flags */
    uint16_t part;               /* entries of the session before it in this ledger */
    uint64_t top[LEDGER_WAYS];   /* the highest counters */
    uint32_t top_s[LEDGER_WAYS]; /* when each was last reported */
    uint32_t first_s, last_s;    /* of the first and the last announce */

    uint64_t open[LEDGER_WAYS]; /* the counters of the first announce that had some, */
    uint64_t stop[LEDGER_WAYS]; /* and those of the first "stopped" */
    uint64_t left;              /* at the last announce */
    uint32_t open_s, stop_s;    /* when these were reported; |stop_s| 0: there was no "stopped" */
    uint32_t start_s;           /* of the last "started" with both counters at 0; 0: none */
    uint32_t completed_s;       /* COMPLETED: of "completed", or when |left| fell to 0 */
    uint32_t leechers_s; /* when the swarm last had another leecher, as of the last announce */
    uint32_t seed_s;     /* seconds of seeding between the first and the last announce */
};

/* The entries of a ledger, which are handed over as a whole. All zero is an empty page. */
struct ledger_page {
    struct ledger_entry *entries;
    uint32_t count, cap;
    struct hashindex index;
};

void ledger_page_fini(struct ledger_page *p);
/* Empties the page and keeps its memory. */
void ledger_page_clear(struct ledger_page *p);

/* Embedded; private, except that |page.count| may be read. */
struct ledger {
    struct ledger_page page;
    uint64_t seed[2];
    uint32_t max;       /* entries */
    uint32_t gap_max_s; /* time between two announces of a seeder that counts as seeding */
};

/* |max| is at most LEDGER_ENTRIES_MAX. */
void ledger_init(struct ledger *l, const uint64_t seed[2], uint32_t max, uint32_t gap_max_s);
void ledger_fini(struct ledger *l);

/* An announce that was admitted. */
struct ledger_note {
    struct ledger_key key;
    uint32_t hash; /* of the key */
    int64_t unix_s;
    int64_t leechers_s;
    bool named_client;
};

/* The session that an announce belongs to. */
struct ledger_key ledger_key_of(const struct tracker_announce *a, uint32_t user, uint32_t torrent);

/* Returns the key's hash, for ledger_put(), and prefetches the index at the position where
 * ledger_put() starts. ledger_prefetch_entry(), some time later, prefetches the entry. */
uint32_t ledger_prefetch(const struct ledger *l, const struct ledger_key *key);
void ledger_prefetch_entry(const struct ledger *l, uint32_t hash);

/* Enters an announce. LIMIT when the ledger is full, or NOMEM: nothing is changed, and the announce
 * must be refused, so that the client repeats it. */
int ledger_put(struct ledger *l, const struct tracker_announce *a, const struct ledger_note *n);

/* True when the ledger is so full that it should be flushed early. */
static inline bool
ledger_is_half_full(const struct ledger *l)
{
    return l->page.count >= l->max / 2;
}

/* Takes all entries: swaps the ledger's page with |page|, which must be empty. Entries of one
 * session are in the order of time. */
void ledger_swap(struct ledger *l, struct ledger_page *page);

#endif
