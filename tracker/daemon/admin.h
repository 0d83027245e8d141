/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The operator's HTTP address: it serves the status page, /metrics for Prometheus, /stats as JSON,
 * /health for health checks, and the API (api.h). Requests that read users or torrents, or change
 * anything, need the token.
 *
 *  /api/stats     GET: as /stats; needs no token
 *  /api/swarms    GET: the largest swarms, ?sort=peers|seeders|leechers|completed&limit=
 *  /api/reload    POST: does what SIGHUP does
 */
#ifndef TRACKER_DAEMON_ADMIN_H
#define TRACKER_DAEMON_ADMIN_H

#include "common/base/log.h"
#include "tracker/core/metrics.h"
#include "tracker/daemon/accountant.h"
#include "tracker/daemon/token.h"
#include "tracker/net/http_front.h"
#include "tracker/net/shards.h"
#include "tracker/operator/adminhost.h"

enum {
    ADMIN_BODY_MAX = HTTP_SERVICE_BODY_MAX, /* bytes of an answer */
    ADMIN_WALKS_MAX = 4,                    /* under way, for the largest swarms */
    ADMIN_RELOADS_MAX = 16,                 /* requests that wait for the result of a reload */
};

struct reload_wait;

/* What the address needs of the tracker; all is borrowed. */
struct admin_env {
    struct loop *loop;
    struct shards *shards;
    const struct log *log; /* gets each change over HTTP, with the address of the client */
    void *ctx;
    void (*gather)(void *ctx, struct metrics *m); /* fills in the current numbers */
    /* Does what SIGHUP does: reload_begin(). */
    int (*reload)(void *ctx, struct reload_wait *wait);
};

struct admin;

/* |env| is copied. NULL when memory is out. */
struct admin *admin_new(const struct admin_env *env);

/* For a private tracker: from now on calls on the registry go to |accountant|, which is borrowed.
 * NOMEM. */
int admin_set_accountant(struct admin *a, struct accountant *accountant);

/* Answers all waiting requests, and no request after that. Call before the fronts are freed. */
void admin_stop(struct admin *a);
void admin_free(struct admin *a); /* NULL is legal */

/* Sets the token, which is copied. At first there is none. */
void admin_set_token(struct admin *a, const struct token *t);

/* Sets the host names that requests may use; copied. */
void admin_set_hosts(struct admin *a, const struct adminhost *hosts);

/* For http_front_new(). */
struct http_handler admin_handler(struct admin *a);

#endif
