/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker's HTTP connections: keep-alive, pipelining, and limits on everything that a client
 * could hold on to. Requests go to a handler; this knows nothing of what they say.
 */
#ifndef TRACKER_NET_HTTP_FRONT_H
#define TRACKER_NET_HTTP_FRONT_H

#include "common/ev/listener.h"
#include "common/ev/stream.h"
#include "tracker/core/http_service.h"
#include "tracker/net/certbox.h"
#include "tracker/net/limiter.h"
#include "tracker/net/proxies.h"

enum {
    HTTP_FRONT_HANDSHAKE_COST = 40, /* requests; a signature costs more than many announces */
    /* Bytes that the kernel keeps for a connection (listener_limit_buffers()). A client that ends
     * says "stopped" of hundreds of torrents in one go and closes: that must come in at once. */
    HTTP_FRONT_KERNEL_READ = 65536,
    HTTP_FRONT_KERNEL_SEND = 32768,
    HTTP_FRONT_OUT_HIGH = 65536,    /* bytes of unsent answers beyond which nothing is read */
    HTTP_FRONT_LINGER_MAX = 262144, /* bytes thrown away behind a request that was refused */
};

struct http_front;

struct http_front_limits {
    /* When so many are open, one makes way for a new one: of those that wait longest, one of the
     * address that has most of them. */
    uint32_t connections_max;
    /* A client has so long for each whole request, from connecting or from the answer to the
     * previous one, and as long to take an answer. */
    uint32_t timeout_s;
    /* Whose X-Forwarded-For is believed; copied. They are trusted not to begin too many
     * handshakes. */
    struct netset proxies;
    /* Limits the TLS handshakes of an address, which count like HTTP_FRONT_HANDSHAKE_COST
     * requests each; borrowed; NULL: there is no limit. */
    struct limiter *limiter;
};

/* Names a request that waits for its answer. Copied freely; of no use when the connection, which
 * may end at any time, has gone. */
struct http_turn {
    struct http_front *front;
    uint64_t number;
};

/* Answers requests. Each function appends a response of at most HTTP_SERVICE_REPLY_MAX bytes to
 * |out|, without a body if the method is HEAD. refuse() answers with |req->status|; all else of a
 * request that is refused, except its method, may be missing. Afterwards the connection is closed.
 * answer() may return false instead, if the request shall
 * come again: after http_front_poke(), and for the last time CLUSTER_WAIT_MS later. */
struct http_handler {
    void *ctx;
    bool (*answer)(void *ctx, const struct http_request *req, const struct endpoint *from,
                   enum service_turn turn, struct buf *out, struct mono now);
    void (*refuse)(void *ctx, const struct http_request *req, struct buf *out);
    /* In the place of answer(), for a handler that can't always answer at once: false if
     * http_front_answer() is to come later. Nothing of |req| is valid by then. NULL: it always can.
     */
    bool (*ask)(void *ctx, const struct http_request *req, const struct endpoint *from,
                struct http_turn turn, struct buf *out, struct mono now);
    struct http_accepts accepts; /* beside GET and HEAD without a body */
};

/* The tracker itself as a handler. */
struct http_handler http_front_tracker(struct http_service *service);

/* Listens at |at|. |handler| is copied; what it points to may be shared by the fronts of a loop. */
int http_front_new(struct loop *l, const struct endpoint *at, enum port_share share,
                   const struct http_handler *handler, const struct http_front_limits *limits,
                   struct http_front **out, struct errbuf *eb);

/* From now on its connections speak TLS, each with what is in |certs|, borrowed, when it begins. */
void http_front_secure(struct http_front *f, struct certbox *certs);

/* The whole response to what waits for it. The connection has as long for this as for a request.
 * Not from inside ask(). */
void http_front_answer(struct http_turn turn, const void *response, size_t len);

/* Closes all its connections. NULL is legal. */
void http_front_free(struct http_front *f);

/* Has requests that wait come again, in the order in which they came, up to the first that still
 * has to wait: answers come in the order in which they were asked for. */
void http_front_poke(struct http_front *f);

/* Requests that wait. From any thread. */
uint64_t http_front_parked(const struct http_front *f);

/* Connections that are open. From any thread. */
uint64_t http_front_count(const struct http_front *f);

/* Connections that were closed before a handshake, because their address begins too many. From any
 * thread. */
uint64_t http_front_refused(const struct http_front *f);

/* TLS handshakes, if it is secure. From any thread. */
const struct stream_handshakes *http_front_handshakes(const struct http_front *f);

/* The real address and port. */
const struct endpoint *http_front_addr(const struct http_front *f);

#endif
