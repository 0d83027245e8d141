/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From ledgers into the accounts: what each user moved of each torrent, every byte once.
 *
 * The database has a row for each session with the evidence of what it moved (session.h). A batch
 * is a tracker's ledger; applying it adds its entries to the sessions, credits their users with
 * what that comes to, and lists signals (signals.h), all in one transaction. So nothing depends on
 * what a process remembers: a tracker that is killed loses announces whose counters its clients
 * report again, and a batch that is applied a second time, because nobody knows whether its commit
 * came through, is known by its number and does nothing.
 *
 * The trackers of a fleet have a ledger each, and their batches come in any order; those of one
 * tracker come in its own order. What is counted, and what is not, is the theorem of session.h.
 *
 * A session that was silent for the retention time is forgotten. If its client comes back, its
 * first counters are a baseline again, so nothing counts twice; what it moved between its last
 * announce before the silence and the first one after it is missing. For the same reason an entry
 * that is older than what was forgotten is left out, unless its session is older still.
 *
 * Seed time is the time between two announces of a session that both said that nothing is left, a
 * gap of at most gap_max_s of it, and only that after the session's last announce so far. Sums stop
 * at ACCOUNTS_SUM_MAX.
 */
#ifndef TRACKER_STORE_ACCOUNTS_H
#define TRACKER_STORE_ACCOUNTS_H

#include "tracker/core/ledger.h"
#include "tracker/store/registry.h"

#define ACCOUNTS_SUM_MAX (INT64_C(1) << 62)

enum {
    ACCOUNTS_FORGET_ROWS = 2000, /* sessions that one accounts_forget() looks at */
    /* Seconds for which the number of a tracker's last batch is kept. */
    ACCOUNTS_BATCHES_S = 30 * 86400,
};

/* What one tracker flushes at once. |run| is random for each start of a daemon, never 0, and |seq|
 * counts its batches from 1; the same numbers always come with the same entries. */
struct accounts_batch {
    int64_t run, seq;
    int64_t unix_s;
    const struct ledger_page *pages;
    size_t npages;
    uint64_t rate_possible; /* bytes a second of one session; what is above is held aside */
    uint32_t gap_max_s;
    uint32_t back_s; /* by so much the tracker's clock was set back during its run */
};

struct accounts_result {
    bool replayed; /* the batch had been applied before */
    uint64_t entries;
    uint64_t strangers; /* entries of users or torrents that the database has not: left out */
    uint64_t late;      /* entries that are older than what was forgotten: left out */
    uint64_t signals;
};

/* Applies all of it in one transaction, or on an error nothing. */
int accounts_apply(struct registry *r, const struct accounts_batch *b, struct accounts_result *out,
                   struct errbuf *eb);

/* Where accounts_forget() goes on; all zero at the beginning. */
struct accounts_forgetter {
    int64_t user, torrent;
    uint8_t peer_id[TRACKER_PEER_ID_LEN];
};

/* Looks at the next sessions and deletes those that were last seen before |before|, unix seconds.
 * |*at| is all zero again when it has looked at all; then it also deletes old numbers of batches. A
 * transaction of bounded length: other writers wait no longer than for that. */
int accounts_forget(struct registry *r, int64_t before, struct accounts_forgetter *at,
                    struct errbuf *eb);

#endif
