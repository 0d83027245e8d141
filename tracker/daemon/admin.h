/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the operator and their programs ask over HTTP, at an address of its own: the status page,
 * /metrics for Prometheus, /stats as JSON, /health for whoever watches whether the tracker answers,
 * and the API (api.h). What tells of users or torrents, or changes anything, takes the token.
 *
 *  /api/stats     GET: as /stats; without the token too
 *  /api/swarms    GET: the largest, ?sort=peers|seeders|leechers|completed&limit=
 *  /api/reload    POST: as SIGHUP
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
    ADMIN_BODY_MAX = HTTP_SERVICE_BODY_MAX, /* of an answer */
    ADMIN_WALKS_MAX = 4,                    /* at once, for the largest swarms */
};

/* What it stands on; all are borrowed. */
struct admin_env {
    struct loop *loop;
    struct shards *shards;
    const struct log *log; /* hears of what is changed over HTTP, and from where */
    void *ctx;
    void (*gather)(void *ctx, struct metrics *m); /* fills in the numbers of the moment */
    int (*reload)(void *ctx, struct errbuf *eb);  /* as SIGHUP does */
};

struct admin;

/* |env| is copied. NULL when memory is out. */
struct admin *admin_new(const struct admin_env *env);

/* For a private tracker: calls on the registry go to |accountant|, which is borrowed. NOMEM. */
int admin_set_accountant(struct admin *a, struct accountant *accountant);

/* Answers what waits, and then nothing any more; before its fronts are freed. */
void admin_stop(struct admin *a);
void admin_free(struct admin *a); /* NULL is legal */

/* The token from now on; copied. None at first. */
void admin_set_token(struct admin *a, const struct token *t);

/* The names under which it may be asked from now on; copied. */
void admin_set_hosts(struct admin *a, const struct adminhost *hosts);

/* For http_front_new(). */
struct http_handler admin_handler(struct admin *a);

#endif
