/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A branch of a private fleet: a tracker without a database. Through Redis (branchwire.h) the
 * branch
 *
 *  - receives the table of users and torrents from the keeper, and refuses all announces until the
 *    table is complete;
 *  - sends its accounts to the keeper, one batch at a time, and keeps the batch until the keeper
 *    has confirmed that the database has it.
 *
 * While Redis or the keeper is unreachable, the branch serves the users that it knows, and their
 * counters wait in the ledgers (flusher.h). For one thread.
 */
#ifndef TRACKER_DAEMON_BRANCH_H
#define TRACKER_DAEMON_BRANCH_H

#include "common/base/log.h"
#include "tracker/core/branchwire.h"
#include "tracker/core/seal.h"
#include "tracker/net/members.h"
#include "tracker/net/redis_stream.h"
#include "tracker/store/accounts.h"

enum {
    BRANCH_CONFIRM_MS = 10000, /* to wait for the confirmation of a batch */
    BRANCH_POLL_MS = 20,       /* between two checks whether it is confirmed */
    BRANCH_LOST_MS = 2000,     /* without it, between two checks that Redis still has the batch */
    BRANCH_ROUND_MS = 200,     /* between two rounds while the branch waits for a confirmation */
};

struct branch;

/* |name| (of the cluster), |m| and |log| are borrowed, |seal| is copied. From now on |m| refuses
 * all announces until the table is complete. NULL when memory is out. */
struct branch *branch_new(const char *name, uint64_t run, const struct seal *seal,
                          struct members *m, const struct log *log);
void branch_free(struct branch *b); /* NULL is legal */

/* Receives the changes of users and torrents. */
int branch_round(struct branch *b, struct redis_call *c, struct errbuf *eb);

/* Sends a batch of the flusher in as many messages as it needs, and waits for the keeper. Returns 0
 * when all of it is in the database. After an error the caller must pass the same batch again; it
 * continues where it stopped. Only the number of entries in |out| is set, since the keeper counts
 * the rest. */
int branch_hand_over(struct branch *b, struct redis_call *c, const struct accounts_batch *batch,
                     struct accounts_result *out, struct errbuf *eb);

/* Sets a function that branch_hand_over() calls every BRANCH_ROUND_MS while it waits, for other
 * work on the connection. An error of |round| ends the waiting. */
void branch_meanwhile(struct branch *b,
                      int (*round)(void *ctx, struct redis_call *c, struct errbuf *eb), void *ctx);

/* Whether a keeper held the lease when the branch last looked. From any thread. */
bool branch_sees_keeper(const struct branch *b);

#endif
