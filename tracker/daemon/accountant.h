/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The database's thread of a private tracker. It alone touches the registry, so that no loop ever
 * waits for a disk or another process's lock:
 *
 *  every period_s seconds   takes what the members' ledgers have noted and applies it in one
 *                           transaction (accounts.h); before its time when a ledger is half full
 *  every second             looks whether another process has changed the database, and brings the
 *                           members' table up to date
 *  when it is asked         runs a job of a loop's on the registry; what that changed counts for
 *                           announces before the loop hears that it is done
 *  at the end               applies what is left
 *
 * What can't be applied, because the disk is full or the database locked or broken, is kept and
 * tried again after 1, 2, 4 … FLUSHER_BACKOFF_MAX_S seconds, as the same batch. Announces go on
 * meanwhile until the ledgers are full; then they are refused and clients told to come again.
 */
#ifndef TRACKER_DAEMON_ACCOUNTANT_H
#define TRACKER_DAEMON_ACCOUNTANT_H

#include "common/base/log.h"
#include "common/ev/loop.h"
#include "tracker/daemon/flusher.h"
#include "tracker/net/members.h"
#include "tracker/store/registry.h"

enum {
    ACCOUNTANT_JOBS_MAX = 256, /* that wait at once */
    /* Seconds between two passes over all sessions that delete old ones, and between two parts of a
     * pass. */
    ACCOUNTANT_FORGET_S = 3600,
    ACCOUNTANT_FORGET_PART_S = 1,
};

struct accountant;

struct accountant_config {
    uint32_t period_s;
    uint32_t retention_s;   /* of sessions that are silent */
    uint64_t rate_possible; /* bytes a second of one session */
};

/* Opens or creates the database and fills |members|, which is borrowed, from it. |log| is copied.
 * Errors as registry_open() and registry_read_changes(). */
int accountant_new(const char *path, struct members *members,
                   const struct accountant_config *config, const struct log *log,
                   struct accountant **out, struct errbuf *eb);

/* Starts the thread. SPRAT_E_NOMEM. */
int accountant_start(struct accountant *a);

/* Ends the thread after a last flush: to be called when nobody announces any more. Desks must be
 * gone. NULL is legal. */
void accountant_free(struct accountant *a);

void accountant_get_stats(struct accountant *a, struct flusher_stats *out);

/* Where a loop asks, and gets its answers. NULL when memory is out. */
struct accountant_desk;
struct accountant_desk *accountant_desk_new(struct accountant *a, struct loop *l);

/* Jobs that were not begun are done with SPRAT_E_CANCELLED; one that is under way is waited for.
 * NULL is legal. */
void accountant_desk_free(struct accountant_desk *d);

/* Runs |work| on the accountant's thread, then |done| from the desk's loop with what it returned
 * and the sentence for it ("" for 0). |work| must not leave a transaction open. SPRAT_E_AGAIN:
 * ACCOUNTANT_JOBS_MAX are waiting; NOMEM; then neither is called. */
int accountant_ask(struct accountant_desk *d,
                   int (*work)(void *user, struct registry *r, struct errbuf *eb),
                   void (*done)(void *user, int err, const char *why), void *user);

#endif
