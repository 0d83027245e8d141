/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The thread of a private tracker that uses the database. No other thread touches the registry, so
 * no loop ever waits for a disk or for the lock of another process. What the thread does:
 *
 *  every period_s seconds   applies the entries of the members' ledgers in one transaction
 *                           (accounts.h); earlier if a ledger is half full
 *  every second             copies what other processes have changed in the database into the
 *                           members' table
 *  when a loop asks         runs a job on the registry; announces see its changes before the loop
 *                           learns that the job is done
 *  at the end               applies the entries that are left
 *
 * A batch that can't be applied, because the disk is full or the database is locked or damaged, is
 * kept, and is tried again unchanged after 1, 2, 4 … FLUSHER_BACKOFF_MAX_S seconds. Announces are
 * answered until the ledgers are full; then they are refused and clients are told when to retry.
 */
#ifndef TRACKER_DAEMON_ACCOUNTANT_H
#define TRACKER_DAEMON_ACCOUNTANT_H

#include "common/base/log.h"
#include "common/ev/loop.h"
#include "tracker/daemon/flusher.h"
#include "tracker/net/members.h"
#include "tracker/store/registry.h"

enum {
    ACCOUNTANT_JOBS_MAX = 256, /* that may wait */
    /* Seconds between two passes over all sessions that delete old ones, and between two parts of a
     * pass. */
    ACCOUNTANT_FORGET_S = 3600,
    ACCOUNTANT_FORGET_PART_S = 1,
};

struct accountant;

struct accountant_config {
    uint32_t period_s;
    uint32_t retention_s;   /* for which sessions are kept after their last announce */
    uint64_t rate_possible; /* bytes a second of one session */
};

/* Opens or creates the database and fills |members|, which is borrowed, from it. |log| is copied.
 * Errors as registry_open() and registry_read_changes(). */
int accountant_new(const char *path, struct members *members,
                   const struct accountant_config *config, const struct log *log,
                   struct accountant **out, struct errbuf *eb);

/* Starts the thread. SPRAT_E_NOMEM. */
int accountant_start(struct accountant *a);

/* Ends the thread after a last flush. No announce may come any more, and all desks must be freed.
 * NULL is legal. */
void accountant_free(struct accountant *a);

void accountant_get_stats(struct accountant *a, struct flusher_stats *out);

/* A desk: through it one loop asks for jobs and gets their results. NULL when memory is out. */
struct accountant_desk;
struct accountant_desk *accountant_desk_new(struct accountant *a, struct loop *l);

/* Jobs that were not begun end with SPRAT_E_CANCELLED; a job under way is waited for. NULL is
 * legal. */
void accountant_desk_free(struct accountant_desk *d);

/* Runs |work| on the accountant's thread, then |done| on the desk's loop with the result of |work|
 * and its error message ("" for 0). |work| must not leave a transaction open. SPRAT_E_AGAIN if
 * ACCOUNTANT_JOBS_MAX jobs wait, or NOMEM; then neither function is called. */
int accountant_ask(struct accountant_desk *d,
                   int (*work)(void *user, struct registry *r, struct errbuf *eb),
                   void (*done)(void *user, int err, const char *why), void *user);

#endif
