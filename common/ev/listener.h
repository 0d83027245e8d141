/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A listening TCP socket on a loop. When the process is out of descriptors, the listener pauses for
 * LISTENER_REST_MS instead of spinning.
 */
#ifndef COMMON_EV_LISTENER_H
#define COMMON_EV_LISTENER_H

#include "common/base/endpoint.h"
#include "common/ev/loop.h"
#include "common/ev/port.h"

enum {
    LISTENER_BACKLOG = 1024,
    LISTENER_BATCH_MAX = 64, /* accepted at a time, before other events of the loop are handled */
    LISTENER_REST_MS = 100,  /* pause after accept() failed for lack of descriptors or memory */
    LISTENER_PATIENCE_S = 1, /* see listener_await_bytes() */
};

struct listener;

/* on_accept takes ownership of |fd|; stream_new() accepts it. |fd| is non-blocking, close-on-exec,
 * and small writes are not delayed (TCP_NODELAY). */
struct listener_handler {
    void *ctx;
    void (*on_accept)(void *ctx, int fd, const struct endpoint *peer);
};

/* Listens at |at|; port 0 lets the kernel choose. An IPv6 listener accepts only IPv6. SPRAT_E_BUSY
 * for a port in use; |eb| names the address. The handler is copied. */
int listener_new(struct loop *l, const struct endpoint *at, const struct listener_handler *handler,
                 struct listener **out, struct errbuf *eb);

/* listener_new() for a socket that shares its port with others (port.h). */
int listener_new_sharing(struct loop *l, const struct endpoint *at, enum port_share share,
                         const struct listener_handler *handler, struct listener **out,
                         struct errbuf *eb);

/* Delays each accept until the first bytes of the client arrive or, if none arrive within
 * LISTENER_PATIENCE_S, for some seconds (TCP_DEFER_ACCEPT): for protocols in which the client
 * speaks first. Without kernel support nothing changes. */
void listener_await_bytes(struct listener *ln);

/* Limits what the kernel keeps for each accepted connection: about twice |receive| bytes that were
 * not read, and twice |send| bytes that the client did not take. Otherwise it keeps megabytes for a
 * client that sends requests and does not read the answers. For connections that come from now on.
 */
void listener_limit_buffers(struct listener *ln, int receive, int send);

/* Must not be called from the listener's own on_accept. NULL is legal. */
void listener_free(struct listener *ln);

/* The bound address and port. */
const struct endpoint *listener_addr(const struct listener *ln);

#endif
