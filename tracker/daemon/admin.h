/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the operator and their programs ask over HTTP, at an address of its own: /metrics for
 * Prometheus, /stats as JSON, /health for whoever watches whether the tracker answers. It only
 * reads: nothing can be changed there.
 */
#ifndef TRACKER_DAEMON_ADMIN_H
#define TRACKER_DAEMON_ADMIN_H

#include "tracker/core/metrics.h"
#include "tracker/net/http_front.h"

enum { ADMIN_BODY_MAX = 65536 };

/* Embedded; private. */
struct admin {
    struct buf body;
    void *ctx;
    void (*gather)(void *ctx, struct metrics *m);
};

/* |gather| fills in the numbers of the moment. */
void admin_init(struct admin *a, void (*gather)(void *ctx, struct metrics *m), void *ctx);
void admin_fini(struct admin *a);

/* For http_front_new(). */
struct http_handler admin_handler(struct admin *a);

#endif
