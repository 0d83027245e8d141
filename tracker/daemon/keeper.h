/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The keeper of a private fleet: the tracker that has the database. Through Redis (branchwire.h) it
 *
 *  tells the branches who may what: the whole table under a new epoch, then what is changed
 *  takes their books, a batch at a time, and puts each into the accounts exactly once (accounts.h
 *      says how); only then it confirms, and until then the branch has the batch
 *
 * A lease sees to it that there is one keeper: a second tracker with a database waits until the
 * first has been silent for KEEPER_LEASE_MS. All that a keeper writes, Redis takes only while the
 * lease is that keeper's, so one that was stopped and wakes later confirms and tells nothing. All
 * that it puts into Redis goes by itself some days after the last keeper is gone. It has a
 * connection to the database of its own, beside the accountant's, and is for one thread.
 */
#ifndef TRACKER_DAEMON_KEEPER_H
#define TRACKER_DAEMON_KEEPER_H

#include "common/base/log.h"
#include "common/base/tally.h"
#include "tracker/core/branchwire.h"
#include "tracker/core/seal.h"
#include "tracker/net/members.h"
#include "tracker/net/redis_stream.h"
#include "tracker/store/accounts.h"

enum {
    KEEPER_LEASE_MS = 10000,
    KEEPER_BOOKS_MAX = 256,       /* batches in Redis that were not taken */
    KEEPER_ACK_DAYS = 7,          /* a branch hears within these that its batch was taken */
    KEEPER_TABLE_DAYS = 7,        /* so long branches may start without a keeper */
    KEEPER_CHANGES_MAX = 1 << 20, /* bytes told behind a table, beyond as many as the table has,
                                   * until it is told anew */
};

struct keeper;

struct keeper_config {
    const char *name; /* the cluster's; borrowed */
    const struct members *members; /* borrowed */
    struct seal seal;
    uint64_t rate_possible; /* as accounts_batch */
};

/* Opens the database, which the accountant has checked. Errors as registry_open(). |log| is
 * borrowed. */
int keeper_new(const char *database, const struct keeper_config *config, const struct log *log,
               struct keeper **out, struct errbuf *eb);
void keeper_free(struct keeper *k); /* NULL is legal */

/* Once more all of that. What the database can't take stays in Redis and is logged. */
int keeper_round(struct keeper *k, struct redis_call *c, struct errbuf *eb);

/* Gives the lease back. */
void keeper_leave(struct keeper *k, struct redis_call *c);

struct keeper_stats {
    bool keeps;       /* it has the lease */
    uint64_t batches; /* of branches, that are in the database */
    uint64_t signals;
};
void keeper_get_stats(const struct keeper *k, struct keeper_stats *out); /* from any thread */

#endif
