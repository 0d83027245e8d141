/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A listening TCP socket on a loop. When the process is out of descriptors it rests for a moment
 * instead of spinning.
 */
#ifndef COMMON_EV_LISTENER_H
#define COMMON_EV_LISTENER_H

#include "common/base/endpoint.h"
#include "common/ev/loop.h"
#include "common/ev/port.h"

enum {
    LISTENER_BACKLOG = 1024,
    LISTENER_BATCH_MAX = 64, /* accepted in one go, before others on the loop have a turn */
    LISTENER_REST_MS = 100,
    LISTENER_PATIENCE_S = 1,
};

struct listener;

/* |fd| is the receiver's from now on: stream_new() takes it. Non-blocking, close-on-exec, and small
 * writes are not held back (TCP_NODELAY). */
struct listener_handler {
    void *ctx;
    void (*on_accept)(void *ctx, int fd, const struct endpoint *peer);
};

/* Listens at |at|; port 0 takes any. An IPv6 listener takes IPv6 only. SPRAT_E_BUSY for a port in
 * use; |eb| names the address. The handler is copied. */
int listener_new(struct loop *l, const struct endpoint *at, const struct listener_handler *handler,
                 struct listener **out, struct errbuf *eb);

/* The same for a socket that shares its port with others. */
int listener_new_sharing(struct loop *l, const struct endpoint *at, enum port_share share,
                         const struct listener_handler *handler, struct listener **out,
                         struct errbuf *eb);

/* From now on a connection is accepted together with the first bytes of who made it, or, if none
 * come within LISTENER_PATIENCE_S, some seconds later without: for protocols in which the client
 * speaks first. Where the kernel can't do that, nothing changes. */
void listener_await_bytes(struct listener *ln);

/* Not from inside its own on_accept. NULL is legal. */
void listener_free(struct listener *ln);

/* The real address and port. */
const struct endpoint *listener_addr(const struct listener *ln);

#endif
