/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The flusher swaps its empty pages for the filled pages of the ledgers, so that neither side
 * allocates once the tracker has run for a while.
 */
#include "tracker/daemon/flusher.h"

#include "common/crypto/random.h"
#include "common/sys/clock.h"

void
flusher_init(struct flusher *f, flusher_apply apply, void *ctx, struct members *m,
             const struct log *log)
{
    f->log = log;
    f->apply = apply;
    f->apply_ctx = ctx;
    f->members = m;
    random_bytes(&f->run, sizeof(f->run));
}

void
flusher_fini(struct flusher *f)
{
    for (unsigned i = 0; i < MEMBERS_STRIPES; i++)
        ledger_page_fini(&f->pages[i]);
}

/* Takes all entries as the next batch, unless there are none. */
static void
take_batch(struct flusher *f)
{
    uint64_t count = 0;

    /* While entries move to the batch they are counted twice, rather than not at all. */
    tally_put(&f->waiting, members_waiting(f->members) + 1);
    for (unsigned i = 0; i < MEMBERS_STRIPES; i++) {
        members_swap(f->members, i, &f->pages[i]);
        count += f->pages[i].count;
    }
    f->has_batch = count > 0;
    f->seq += count > 0;
    tally_put(&f->waiting, count);
}

static void
end_batch(struct flusher *f)
{
    for (unsigned i = 0; i < MEMBERS_STRIPES; i++)
        ledger_page_clear(&f->pages[i]);
    f->has_batch = false;
    f->failed_tries = 0;
}

static void
on_applied(struct flusher *f, const struct accounts_result *r)
{
    tally_add(&f->flushes, 1);
    tally_add(&f->entries, r->entries);
    tally_add(&f->signals, r->signals);
    tally_put(&f->waiting, 0);
    tally_put(&f->flushed_s, (uint64_t)clock_unix());
    tally_put(&f->failing, 0);
    if (f->failed_tries > 0)
        log_event(f->log, LOG_INFO, "the accounts are stored again",
                  log_number("sessions", r->entries), log_number("failed_tries", f->failed_tries));
    if (r->replayed)
        log_info(f->log, "a batch of accounts is stored although its commit reported an error");
    if (r->strangers > 0)
        log_event(f->log, LOG_WARN, "sessions of unknown users or torrents are not stored",
                  log_number("sessions", r->strangers));
    if (r->late > 0)
        log_event(f->log, LOG_WARN,
                  "counters that came after their session was forgotten are not stored",
                  log_number("sessions", r->late));
}

static void
on_failed(struct flusher *f, const char *why)
{
    tally_add(&f->failures, 1);
    tally_put(&f->failing, 1);
    log_event(f->log, LOG_ERROR, "the accounts cannot be stored yet",
              log_number("sessions", tally_get(&f->waiting)), log_reason(why));
}

static uint32_t
backoff_s(unsigned failed_tries)
{
    return failed_tries > 6 ? FLUSHER_BACKOFF_MAX_S : UINT32_C(1) << (failed_tries - 1);
}

/* Applies the current batch, under the same number in each attempt. */
static int
apply_batch(struct flusher *f)
{
    struct accounts_batch batch = {
        .run = f->run,
        .seq = f->seq,
        .unix_s = clock_unix(),
        .pages = f->pages,
        .npages = MEMBERS_STRIPES,
        .rate_possible = f->rate_possible,
        .gap_max_s = members_gap_max_s(f->members),
        .back_s = members_back_s(f->members),
    };
    struct accounts_result result;
    struct errbuf eb = {""};
    int err = f->apply(f->apply_ctx, &batch, &result, &eb);

    if (err != 0) {
        on_failed(f, eb.text);
        f->failed_tries++;
        return err;
    }
    on_applied(f, &result);
    end_batch(f);
    return 0;
}

/* Returns 0 after a batch that had failed before, so that the entries which came meanwhile are
 * flushed at once. */
uint32_t
flusher_flush(struct flusher *f)
{
    uint32_t next_s = f->failed_tries > 0 ? 0 : f->period_s;

    if (!f->has_batch)
        take_batch(f);
    if (f->has_batch && apply_batch(f) != 0)
        next_s = backoff_s(f->failed_tries);
    return next_s;
}

void
flusher_flush_last(struct flusher *f)
{
    if (f->has_batch)
        (void)flusher_flush(f);
    if (!f->has_batch)
        (void)flusher_flush(f);
    if (f->has_batch)
        log_event(f->log, LOG_ERROR,
                  "the last counters are not stored: only counters that clients report again are "
                  "credited",
                  log_number("sessions", tally_get(&f->waiting) + members_waiting(f->members)));
}

void
flusher_get_stats(const struct flusher *f, struct flusher_stats *out)
{
    *out = (struct flusher_stats){
        .waiting = tally_get(&f->waiting) + members_waiting(f->members),
        .flushes = tally_get(&f->flushes),
        .failures = tally_get(&f->failures),
        .entries = tally_get(&f->entries),
        .signals = tally_get(&f->signals),
        .flushed_s = (int64_t)tally_get(&f->flushed_s),
        .failing = tally_get(&f->failing) != 0,
    };
}
