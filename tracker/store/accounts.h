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
 * Each tracker of a fleet has its ledger, and their batches come in any order; only those of one
 * tracker come in its own. So an entry is taken as reports of segments, each of them made at a
 * time, and a session has its last two segments: the present one and the one before. A report goes
 * to the one that it was made in, and counts where it is above what was counted there.
 *
 *  no such session yet        all of the counters count. A client that was there while the accounts
 *                             were not is so credited with what it says
 *  of the present segment     the difference counts
 *  from before it began       the same, with the segment before
 *  older than both            nothing counts
 *  "started" came with lower  if that was after what is known: the present segment becomes the one
 *                             before, and all of the report counts
 *  lower, the row "stopped"   the same, if that is more than LEDGER_LATE_S ago
 *  lower otherwise            a late packet, or the client began anew and only a tracker knows that
 *                             has not been heard yet: put aside, until such a beginning comes
 *  segments in the middle     of an entry count whole, if no other tracker told of that time
 *  SESSIONROW_SKEW_S around   where two trackers tell: a "started" with counters at 0 is the same
 *  a beginning                one, "stopped" is before it or soon after it, as that counts less,
 *                             and of others nothing counts
 *
 * Nothing counts twice, as long as clocks differ by no more than that, no packet is overtaken by
 * the "started" that follows it, and no segment that is over within SESSIONROW_SKEW_S moves more
 * than all of the one before. In doubt nothing counts, as a client says the same again, and
 * more: what is lost is what it never says again. That is
 *
 *  - with one tracker that is killed: the last counters of a client that said "stopped" since the
 *    last flush, and the first of one that began anew since then under the same peer id and key,
 *    within two minutes of its "stopped"
 *  - with several, of a client which began anew under the same peer id and key, as most do not:
 *    what the segment came to before the last two, if its tracker was cut off so long; one of two
 *    segments, if counters that passed the older one's come in before the "started" between them
 *    does; the last words said within LEDGER_LATE_S of a "started" that went to another tracker,
 *    which was cut off; a beginning within SESSIONROW_SKEW_S of the end
 *  - seed time of a batch that comes after another tracker's of a later time
 *
 * A session that was silent for the retention time is deleted. Would its client still come back
 * with the same peer id and key, and without having begun anew, all its counters would count again;
 * with a retention of weeks no client does that but one that slept with its machine.
 *
 * Seed time is the time between two announces of a session that both said that nothing is left, a
 * gap of at most gap_max_s of it, and only that after the session's last announce so far. A session
 * completes once, whomever it tells. Sums stop at ACCOUNTS_SUM_MAX.
 */
#ifndef TRACKER_STORE_ACCOUNTS_H
#define TRACKER_STORE_ACCOUNTS_H

#include "tracker/core/ledger.h"
#include "tracker/store/registry.h"
#include "tracker/store/sessionrow.h"

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

/* What one tracker flushes at once. |run| is random for each start of a daemon, never 0, and |seq|
 * counts its batches from 1; the same numbers always come with the same entries. */
struct accounts_batch {
    int64_t run, seq;
    int64_t unix_s;
    const struct ledger_page *pages;
    size_t npages;
    uint64_t rate_possible; /* bytes a second of one session; more is a signal */
    uint32_t gap_max_s;
    /* No other tracker tells of these sessions: what comes is newer than what came, whatever |run|
     * is. Set where it is so: a daemon that was killed and is back at once has another |run|. */
    bool alone;
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
