/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker's HTTP connections: keep-alive, pipelining, and limits on everything that a client
 * could hold on to. Requests go to an http_service; this knows nothing of what they say.
 */
#ifndef TRACKER_NET_HTTP_FRONT_H
#define TRACKER_NET_HTTP_FRONT_H

#include "common/ev/listener.h"
#include "tracker/core/http_service.h"

enum {
    HTTP_FRONT_OUT_HIGH = 65536,    /* bytes of unsent answers beyond which nothing is read */
    HTTP_FRONT_LINGER_MAX = 262144, /* bytes thrown away behind a request that was refused */
};

struct http_front;

struct http_front_limits {
    /* When so many are open, the one that waits longest makes way for a new one. */
    uint32_t connections_max;
    /* A client has so long for each whole request, from connecting or from the answer to the
     * previous one, and as long to take an answer. */
    uint32_t timeout_s;
};

/* Listens at |at|. |service| is borrowed and may be shared by the fronts of one loop. */
int http_front_new(struct loop *l, const struct endpoint *at, struct http_service *service,
                   const struct http_front_limits *limits, struct http_front **out,
                   struct errbuf *eb);

/* Closes all its connections. NULL is legal. */
void http_front_free(struct http_front *f);

/* The real address and port. */
const struct endpoint *http_front_addr(const struct http_front *f);

#endif
