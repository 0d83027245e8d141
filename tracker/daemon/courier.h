/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The thread through which the trackers of a private fleet exchange messages (branchwire.h). It
 * keeps a connection to Redis, and runs rounds on it: of the keeper if this tracker has the
 * database, else of the branch, and of the slots that all trackers share (slotshare.h). Announces
 * never wait for this thread.
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
    const char *name;              /* of the cluster */
    const char *database;          /* "": this is a branch */
    struct seal seal;              /* of the fleet's messages */
    uint32_t period_s;             /* between two flushes of a branch */
    uint64_t rate_possible;        /* see accounts.h */
};

/* |members| is borrowed. In a branch it refuses all announces until the table of users and torrents
 * is complete. Does not wait for Redis. NOMEM, and in a keeper the errors of registry_open(). */
int courier_new(const struct courier_config *config, struct members *members, const struct log *log,
                struct courier **out, struct errbuf *eb);

/* Starts the thread. Errors as thread_start(). */
int courier_start(struct courier *c);

/* Ends the thread, in a branch after a last flush. No announce may come any more. NULL is legal.
 */
void courier_free(struct courier *c);

struct courier_stats {
    bool connected;
    bool keeper_seen;        /* some tracker was the keeper when this one last looked */
    uint64_t keeper_batches; /* batches of branches that this tracker has stored as the keeper */
    uint64_t keeper_signals;
    bool is_branch;
    struct flusher_stats books; /* of a branch */
};
/* From any thread. */
void courier_get_stats(const struct courier *c, struct courier_stats *out);

#endif
