/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker's HTTP server: connections with keep-alive and pipelining, and limits on the memory
 * and the time that a client can use. A handler answers the requests.
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
    HTTP_FRONT_HANDSHAKE_COST = 40, /* requests: a signature costs more than many announces */
    /* Bytes that the kernel buffers for a connection (listener_limit_buffers()). A client that
     * quits pipelines "stopped" for hundreds of torrents and closes; all of it must fit. */
    HTTP_FRONT_KERNEL_READ = 65536,
    HTTP_FRONT_KERNEL_SEND = 32768,
    HTTP_FRONT_OUT_HIGH = 65536,    /* bytes of unsent answers beyond which no request is read */
    HTTP_FRONT_LINGER_MAX = 262144, /* bytes discarded after a request that was refused */
};

struct http_front;

struct http_front_limits {
    /* Maximum number of connections. A further one replaces an idle one: of those that have been
     * idle longest, one of the address that has most of them. */
    uint32_t connections_max;
    /* Time for a client to send a whole request, counted from the connection or from the previous
     * answer, and time to read an answer. */
    uint32_t timeout_s;
    /* Proxies whose X-Forwarded-For header counts; copied. Their handshakes are not limited. */
    struct netset proxies;
    /* Limits the TLS handshakes of an address, which count like HTTP_FRONT_HANDSHAKE_COST
     * requests each; borrowed; NULL: there is no limit. */
    struct limiter *limiter;
};

/* Identifies a request that waits for its answer. May be copied, and stays valid, without effect,
 * when the connection has ended. */
struct http_turn {
    struct http_front *front;
    uint64_t number;
};

/* The handler answers requests. Each function appends a response of at most HTTP_SERVICE_REPLY_MAX
 * bytes to |out|, without a body if the method is HEAD. refuse() answers a bad request with
 * |req->status|, after which the connection is closed; only the status and the method of |req| are
 * set then. answer() may return false to have the request tried again: after http_front_poke(), and
 * for the last time after CLUSTER_WAIT_MS. */
struct http_handler {
    void *ctx;
    bool (*answer)(void *ctx, const struct http_request *req, const struct endpoint *from,
                   enum service_turn turn, struct buf *out, struct mono now);
    void (*refuse)(void *ctx, const struct http_request *req, struct buf *out);
    /* Used instead of answer() by a handler that can't always answer at once: false if it will call
     * http_front_answer() later. |req| is not valid any more then. NULL if the handler has
     * answer(). */
    bool (*ask)(void *ctx, const struct http_request *req, const struct endpoint *from,
                struct http_turn turn, struct buf *out, struct mono now);
    struct http_accepts accepts; /* what is allowed beside GET and HEAD without a body */
};

/* The tracker itself as a handler. */
struct http_handler http_front_tracker(struct http_service *service);

/* Listens at |at|. |handler| is copied; several fronts of a loop may share it. */
int http_front_new(struct loop *l, const struct endpoint *at, enum port_share share,
                   const struct http_handler *handler, const struct http_front_limits *limits,
                   struct http_front **out, struct errbuf *eb);

/* Makes new connections use TLS with the certificate that |certs|, which is borrowed, has at that
 * time. */
void http_front_secure(struct http_front *f, struct certbox *certs);

/* Sends the whole response to a waiting request, which must come within the time for a request.
 * Must not be called from ask(). */
void http_front_answer(struct http_turn turn, const void *response, size_t len);

/* Closes all its connections. NULL is legal. */
void http_front_free(struct http_front *f);

/* Tries parked requests again, in the order in which they arrived, up to the first that must still
 * wait, since replies of Redis come in this order too. */
void http_front_poke(struct http_front *f);

/* The number of parked requests. From any thread. */
uint64_t http_front_parked(const struct http_front *f);

/* The number of open connections. From any thread. */
uint64_t http_front_count(const struct http_front *f);

/* The number of connections that were closed before a handshake because of the rate limit. From any
 * thread. */
uint64_t http_front_refused(const struct http_front *f);

/* The number of connections that began TLS at a front without it, and were closed. From any thread.
 */
uint64_t http_front_tls_hellos(const struct http_front *f);

/* The numbers of TLS handshakes; zero without TLS. From any thread. */
const struct stream_handshakes *http_front_handshakes(const struct http_front *f);

/* The bound address and port. */
const struct endpoint *http_front_addr(const struct http_front *f);

#endif
