/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From ledgers into the accounts: what each user moved of each torrent, exactly once.
 *
 * The database has a row for each session (ledger.h) with the counters that were last counted. What
 * an entry adds is the difference to them, found within the transaction that stores the new ones.
 * So nothing depends on what a process remembers: a daemon that is killed loses no more than
 * announces that clients report again in the next counters, and a batch that is applied a second
 * time, because nobody knows whether its commit came through, is known by its number and does
 * nothing.
 *
 *  no such session yet        all of the entry's counters count. A client that was there while the
 *                             accounts were not is so credited with what it says
 *  the counters are higher    the difference counts
 *  "started" came with lower  the client began anew: the row's segment is over and all of the
 *                             entry's first segment counts
 *  lower, the row "stopped"   the same, if that is more than LEDGER_LATE_S ago
 *  lower otherwise            a late packet: nothing counts, the row stays as it was
 *  more than one segment      the first is compared with the row, the others count whole
 *
 * So a kill can cost this: the last counters of a client that said "stopped" since the last flush,
 * and the first of one that began anew since then under the same peer id and key, within two
 * minutes of its "stopped". Neither says it again.
 *
 * A session that was silent for the retention time is deleted. Would its client still come back
 * with the same peer id and key, and without having begun anew, all its counters would count again;
 * with a retention of weeks no client does that but one that slept with its machine.
 *
 * Seed time is the time between two announces of a session that both said that nothing is left, a
 * gap of at most gap_max_s of it. Sums stop at ACCOUNTS_SUM_MAX.
 */
#ifndef TRACKER_STORE_ACCOUNTS_H
#define TRACKER_STORE_ACCOUNTS_H

#include "tracker/core/ledger.h"
#include "tracker/store/registry.h"

#define ACCOUNTS_SUM_MAX (INT64_C(1) << 62)

/* Reasons for a person to look at a user.
 *  X(id, name, what |worst| is) */
#define ACCOUNTS_SIGNAL_TABLE(X)                                                                   \
    X(NO_LEECHERS, "no-leechers", "bytes uploaded while the swarm had no leecher")                 \
    X(RATE, "rate", "bytes a second, more than is possible")                                       \
    X(UNKNOWN_CLIENT, "unknown-client", "1")                                                       \
    X(ABSURD, "absurd-counters", "1")

enum accounts_signal {
#define X(id, name, unit) ACCOUNTS_SIGNAL_##id,
    ACCOUNTS_SIGNAL_TABLE(X)
#undef X
};

/* The name of a kind; "unknown" for a number that is none. Static. */
const char *accounts_signal_name(int kind);

/* What is flushed at once. |run| is random for each start of a daemon and |seq| counts its batches
 * from 1; the same numbers always come with the same entries. */
struct accounts_batch {
    int64_t run, seq;
    int64_t unix_s;
    const struct ledger_page *pages;
    size_t npages;
    uint64_t rate_possible; /* bytes a second of one session; more is a signal */
    uint32_t gap_max_s;
};

struct accounts_result {
    bool replayed; /* the batch had been applied before */
    uint64_t entries;
    uint64_t strangers; /* entries of users or torrents that the database has not: left out */
    uint64_t signals;
};

/* Applies all of it in one transaction, or on an error nothing. */
int accounts_apply(struct registry *r, const struct accounts_batch *b, struct accounts_result *out,
                   struct errbuf *eb);

/* Deletes sessions and numbers of batches that are older than |before|, unix seconds. */
int accounts_forget(struct registry *r, int64_t before, struct errbuf *eb);

#endif
