/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From the members' ledgers into the accounts, wherever these are: one batch at a time, which is
 * kept under its number until it is in the database. For one thread; its numbers may be read by
 * all.
 */
#ifndef TRACKER_DAEMON_FLUSHER_H
#define TRACKER_DAEMON_FLUSHER_H

#include "common/base/log.h"
#include "common/base/tally.h"
#include "tracker/net/members.h"
#include "tracker/store/accounts.h"

enum { FLUSHER_BACKOFF_MAX_S = 64 };

/* Has a batch applied: 0 when it is in the database, else |eb| says why it is not, and the same
 * batch comes again. */
typedef int (*flusher_apply)(void *ctx, const struct accounts_batch *b, struct accounts_result *out,
                             struct errbuf *eb);

/* Embedded; private but for the tallies. */
struct flusher {
    const struct log *log;
    flusher_apply apply;
    void *apply_ctx;
    struct members *members;
    uint32_t period_s;
    uint64_t rate_possible;

    struct ledger_page pages[MEMBERS_STRIPES]; /* the batch at hand */
    int64_t run, seq;
    bool has_batch; /* taken from the ledgers and not in the database yet */
    unsigned failed_tries;

    struct tally waiting; /* sessions in the batch at hand */
    struct tally flushes, failures, entries, signals;
    struct tally failing;   /* 1: the last try failed */
    struct tally flushed_s; /* unix seconds of the last flush that succeeded */
};

/* |period_s| and |rate_possible| are set by the caller; all else is borrowed. */
void flusher_init(struct flusher *f, flusher_apply apply, void *ctx, struct members *m,
                  const struct log *log);
void flusher_fini(struct flusher *f);

/* Applies the batch that waits, or takes the next and applies it. Returns after how many seconds to
 * come again: period_s; 0 when a batch that had failed is through; 1, 2, 4 … up to
 * FLUSHER_BACKOFF_MAX_S after one that failed. */
uint32_t flusher_flush(struct flusher *f);

/* The last flush of all: what a failing batch holds up, and what came since. Logs what is left. */
void flusher_flush_last(struct flusher *f);

struct flusher_stats {
    uint64_t waiting; /* sessions that are noted and not in the database yet */
    uint64_t flushes, failures;
    uint64_t entries; /* sessions that were applied */
    uint64_t signals;
    int64_t flushed_s; /* unix seconds of the last flush that succeeded; 0: none yet */
    bool failing;      /* the last try failed */
};
/* From any thread. */
void flusher_get_stats(const struct flusher *f, struct flusher_stats *out);

#endif
