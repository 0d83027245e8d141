/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The control server of spratd: connections on the Unix socket, each a stream of JSON-RPC messages,
 * with bounds on their number, on the messages of a client and on waiting answers. Knows nothing of
 * the methods.
 */
#ifndef PEER_DAEMON_CONTROL_H
#define PEER_DAEMON_CONTROL_H

#include "common/ev/loop.h"
#include "common/rpc/message.h"
#include "common/sys/unixsock.h"

enum {
    CONTROL_CLIENTS_MAX = 64,
    CONTROL_OUT_MAX = 128 * 1024 * 1024, /* bytes of answers that wait for one client */
    CONTROL_OUT_PAUSE = 1024 * 1024,     /* with more bytes waiting, the server reads nothing more
                                            from the client */
    CONTROL_ACCEPT_MAX = 32,             /* connections accepted in one round of the loop */
    CONTROL_TURN_MAX = 16,               /* messages of one client that are served in one round of
                                            the loop */
};

struct control;

/* Serves |sock|, whose ownership it takes, with |methods|, which must outlive the server. NULL when
 * memory is out: then |sock| stays the caller's. */
struct control *control_new(struct loop *loop, struct unixsock *sock,
                            const struct rpc_method *methods, size_t method_count, void *ctx);

/* Stops answering; the objects that the methods use may be freed afterwards. NULL is legal. */
void control_quiet(struct control *c);

/* Closes all connections and removes the socket. NULL is legal. Must not be called inside a method.
 */
void control_free(struct control *c);

#endif
