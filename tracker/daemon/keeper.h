/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The keeper of a private fleet: the tracker that has the database. Through Redis (branchwire.h)
 * the keeper
 *
 *  - sends the branches the table of users and torrents: the whole table under a new epoch, and
 *    then its changes;
 *  - receives the branches' batches of accounts, applies each exactly once (accounts.h), and then
 *    confirms it; until then the branch keeps the batch.
 *
 * A lease in Redis ensures that there is one keeper: a second tracker with a database waits until
 * the first has been silent for KEEPER_LEASE_MS. Redis accepts writes of a keeper only while that
 * keeper holds the lease, so a keeper that was suspended and continues later changes nothing. All
 * keys of the keeper expire some days after the last keeper has ended. The keeper has its own
 * connection to the database, beside the accountant's. For one thread.
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
    KEEPER_BOOKS_MAX = 256, /* batches that may wait in Redis */
    KEEPER_ACK_DAYS = 7,    /* for which a confirmation stays in Redis */
    KEEPER_TABLE_DAYS = 7,  /* for which the table stays there, so that branches can start */
    /* The whole table is sent again when the changes after it are longer than the table itself and
     * so many bytes. */
    KEEPER_CHANGES_MAX = 1 << 20,
};

struct keeper;

struct keeper_config {
    const char *name;              /* of the cluster; borrowed */
    const struct members *members; /* borrowed */
    struct seal seal;
    uint64_t rate_possible; /* as in struct accounts_batch */
};

/* Opens the database, which the accountant has checked. Errors as registry_open(). |log| is
 * borrowed. */
int keeper_new(const char *database, const struct keeper_config *config, const struct log *log,
               struct keeper **out, struct errbuf *eb);
void keeper_free(struct keeper *k); /* NULL is legal */

/* Runs one round: renews the lease, sends changes, and receives batches. Batches that the database
 * can't store stay in Redis, and the log says so. */
int keeper_round(struct keeper *k, struct redis_call *c, struct errbuf *eb);

/* Ends the lease, so that another tracker can become the keeper at once. */
void keeper_leave(struct keeper *k, struct redis_call *c);

struct keeper_stats {
    bool keeps;       /* this tracker is the keeper */
    uint64_t batches; /* batches of branches that were stored */
    uint64_t signals;
};
void keeper_get_stats(const struct keeper *k, struct keeper_stats *out); /* from any thread */

#endif
