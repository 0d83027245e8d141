/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Applies the ledgers of trackers to the accounts: how much each user uploaded and downloaded in
 * each torrent. Every byte counts exactly once.
 *
 * The database has a row for each session with the evidence of its traffic (session.h). A batch is
 * a tracker's ledger; applying it adds its entries to the sessions, credits their users with the
 * increase, and lists signals (signals.h), all in one transaction. So nothing depends on the memory
 * of a process: a tracker that is killed loses only announces whose counters its clients report
 * again. A batch whose commit may or may not have succeeded is applied again; it is recognized by
 * its number, and then changes nothing.
 *
 * Each tracker of a fleet has its own ledger. Batches of one tracker arrive in order, those of
 * different trackers in any order. The theorem in session.h says which bytes are counted.
 *
 * The row of a session that was silent for the retention time is deleted ("forgotten"). If its
 * client announces again, its first counters are a baseline again: nothing counts twice, but the
 * traffic between its last announce before the silence and its first one after it is not counted.
 * For the same reason an entry that is older than a deleted session can be is left out, unless its
 * session still has a row.
 *
 * Seed time is the time between two consecutive announces of a session that both report nothing
 * left, at most gap_max_s for each pair, and only the time after the session's last announce so
 * far. Sums stop at ACCOUNTS_SUM_MAX.
 */
#ifndef TRACKER_STORE_ACCOUNTS_H
#define TRACKER_STORE_ACCOUNTS_H

#include "tracker/core/ledger.h"
#include "tracker/store/registry.h"

#define ACCOUNTS_SUM_MAX (INT64_C(1) << 62)

enum {
    ACCOUNTS_FORGET_ROWS = 2000, /* sessions that one accounts_forget() examines */
    /* Seconds for which the number of a tracker's last batch is kept. */
    ACCOUNTS_BATCHES_S = 30 * 86400,
};

/* The entries that one tracker flushes at a time. |run| is random for each start of a daemon, never
 * 0, and |seq| counts its batches from 1; the same two numbers always come with the same entries.
 */
struct accounts_batch {
    int64_t run, seq;
    int64_t unix_s;
    const struct ledger_page *pages;
    size_t npages;
    uint64_t rate_possible; /* bytes a second of one session; more is not credited */
    uint32_t gap_max_s;
    uint32_t back_s; /* seconds by which the tracker's clock was set back during its run */
};

struct accounts_result {
    bool replayed; /* the batch was applied before */
    uint64_t entries;
    uint64_t strangers; /* entries left out because the database has no such user or torrent */
    uint64_t late;      /* entries left out because their sessions may have been forgotten */
    uint64_t signals;
};

/* Applies the whole batch in one transaction; after an error, nothing of it is applied. */
int accounts_apply(struct registry *r, const struct accounts_batch *b, struct accounts_result *out,
                   struct errbuf *eb);

/* The position of accounts_forget(); all zero at the beginning. */
struct accounts_forgetter {
    int64_t user, torrent;
    uint8_t peer_id[TRACKER_PEER_ID_LEN];
};

/* Examines the next sessions and deletes those that were last seen before |before|, in Unix
 * seconds. When it has examined all sessions, |*at| is all zero again, and old batch numbers are
 * deleted too. One call is one transaction of bounded length, so other writers wait only for that.
 */
int accounts_forget(struct registry *r, int64_t before, struct accounts_forgetter *at,
                    struct errbuf *eb);

#endif
