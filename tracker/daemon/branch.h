/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A branch of a private fleet: a tracker without a database. Through Redis (branchwire.h) it
 *
 *  hears from the keeper who may what: until it has the whole table, nobody is let in
 *  hands its books to the keeper, a batch at a time, which it keeps until that has confirmed that
 * it is in the database
 *
 * While Redis or the keeper are away, it lets in whom it knows, and what is announced waits in the
 * ledgers (flusher.h). For one thread.
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
    BRANCH_CONFIRM_MS = 10000, /* so long a batch is waited for */
    BRANCH_POLL_MS = 20,       /* between two looks whether it is confirmed */
    BRANCH_LOST_MS = 2000,     /* without an answer, it is looked whether Redis still has it */
    BRANCH_ROUND_MS = 200,     /* between two rounds while it waits */
};

struct branch;

/* |name| (the cluster's), |m| and |log| are borrowed, |seal| is copied. Nobody is let in from now
 * on, until the table is there. NULL when memory is out. */
struct branch *branch_new(const char *name, uint64_t run, const struct seal *seal,
                          struct members *m, const struct log *log);
void branch_free(struct branch *b); /* NULL is legal */

/* Hears what is new. */
int branch_round(struct branch *b, struct redis_call *c, struct errbuf *eb);

/* Hands over a batch of the flusher's, in as many messages as it takes, and waits for the keeper: 0
 * when all of it is in the database. After an error the same batch must come again, and goes on
 * where it stopped. |out| has the entries; the rest is counted at the keeper. */
int branch_hand_over(struct branch *b, struct redis_call *c, const struct accounts_batch *batch,
                     struct accounts_result *out, struct errbuf *eb);

/* What else is to be done on the connection while a batch is waited for, every BRANCH_ROUND_MS. Its
 * errors are those of the handing over. */
void branch_meanwhile(struct branch *b,
                      int (*round)(void *ctx, struct redis_call *c, struct errbuf *eb), void *ctx);

/* Does a keeper hold its lease, as far as is known? From any thread. */
bool branch_sees_keeper(const struct branch *b);

#endif
