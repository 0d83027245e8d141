/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The thread of a private fleet: it has a connection to Redis for what the trackers of such a fleet
 * tell each other (branchwire.h), keeps it up, and has the parts do their rounds on it: the keeper
 * where there is a database, the branch where there is none, and the slots that all share.
 * Announces never wait for it.
 */
#ifndef TRACKER_DAEMON_COURIER_H
#define TRACKER_DAEMON_COURIER_H

#include "common/base/log.h"
#include "tracker/core/seal.h"
#include "tracker/daemon/flusher.h"
#include "tracker/net/cluster_url.h"
#include "tracker/net/members.h"

enum {
    COURIER_ROUND_MS = 200, /* between two rounds */
    COURIER_RETRY_MS_MAX = 10000,
};

struct courier;

struct courier_config {
    const struct cluster_url *url; /* borrowed, as the next two */
    struct tls_client *tls;        /* for the URL, borrowed, or NULL */
    const char *name;              /* the cluster's */
    const char *database;          /* "": this is a branch */
    struct seal seal;              /* of the fleet's messages */
    uint32_t period_s;             /* of a branch's flushes */
    uint64_t rate_possible;        /* see accounts.h */
};

/* A branch's |members|, which are borrowed, let nobody in from now on until the table has come; so
 * does nobody wait for Redis here. NOMEM, and of a keeper those of registry_open(). */
int courier_new(const struct courier_config *config, struct members *members, const struct log *log,
                struct courier **out, struct errbuf *eb);

/* Starts the thread. Errors as thread_start(). */
int courier_start(struct courier *c);

/* Ends the thread; a branch's after a last flush, so nobody may announce any more. NULL is legal.
 */
void courier_free(struct courier *c);

struct courier_stats {
    bool connected;
    bool keeper_seen;        /* somebody keeps the accounts, as far as is known */
    uint64_t keeper_batches; /* of branches, that this tracker has stored as the keeper */
    uint64_t keeper_signals;
    bool is_branch;
    struct flusher_stats books; /* of a branch */
};
/* From any thread. */
void courier_get_stats(const struct courier *c, struct courier_stats *out);

#endif
