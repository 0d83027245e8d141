/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Takes the entries of the members' ledgers as numbered batches, and has each batch stored in the
 * database: this tracker's own, or that of the keeper. A batch is kept, and tried again under the
 * same number, until it is stored. For one thread; any thread may read the statistics.
 */
#ifndef TRACKER_DAEMON_FLUSHER_H
#define TRACKER_DAEMON_FLUSHER_H

#include "common/base/log.h"
#include "common/base/tally.h"
#include "tracker/net/members.h"
#include "tracker/store/accounts.h"

enum { FLUSHER_BACKOFF_MAX_S = 64 };

/* Stores a batch: 0 when the database has it. After an error, with a message in |eb|, the flusher
 * passes the same batch again. */
typedef int (*flusher_apply)(void *ctx, const struct accounts_batch *b, struct accounts_result *out,
                             struct errbuf *eb);

/* Embedded; private except the tallies. */
struct flusher {
    const struct log *log;
    flusher_apply apply;
    void *apply_ctx;
    struct members *members;
    uint32_t period_s;
    uint64_t rate_possible;

    struct ledger_page pages[MEMBERS_STRIPES]; /* the current batch */
    int64_t run, seq;
    bool has_batch; /* |pages| has a batch that is not stored yet */
    unsigned failed_tries;

    struct tally waiting; /* sessions in the current batch */
    struct tally flushes, failures, entries, signals;
    struct tally failing;   /* 1: the last attempt failed */
    struct tally flushed_s; /* unix seconds of the last flush that succeeded */
};

/* The caller sets |period_s| and |rate_possible|. All arguments are borrowed. */
void flusher_init(struct flusher *f, flusher_apply apply, void *ctx, struct members *m,
                  const struct log *log);
void flusher_fini(struct flusher *f);

/* Stores the current batch, or takes the next batch and stores that. Returns the seconds after
 * which to call again: period_s; 0 when a batch is stored that had failed before; after a failure
 * 1, 2, 4 … FLUSHER_BACKOFF_MAX_S. */
uint32_t flusher_flush(struct flusher *f);

/* The last flush: stores a batch that had failed, and all entries that came since. Logs how many
 * sessions could not be stored. */
void flusher_flush_last(struct flusher *f);

struct flusher_stats {
    uint64_t waiting; /* sessions whose counters are not stored yet */
    uint64_t flushes, failures;
    uint64_t entries; /* sessions that were stored */
    uint64_t signals;
    int64_t flushed_s; /* unix seconds of the last flush that succeeded; 0: none yet */
    bool failing;      /* the last attempt failed */
};
/* From any thread. */
void flusher_get_stats(const struct flusher *f, struct flusher_stats *out);

#endif
