/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The control server: connections on the Unix socket, each a stream of JSON-RPC messages, bounded
 * in number, in what they send and in what waits for them. Knows nothing of the methods.
 */
#ifndef PEER_DAEMON_CONTROL_H
#define PEER_DAEMON_CONTROL_H

#include "common/ev/loop.h"
#include "common/rpc/message.h"
#include "common/sys/unixsock.h"

enum {
    CONTROL_CLIENTS_MAX = 64,
    CONTROL_OUT_MAX = 128 * 1024 * 1024, /* bytes of answers that wait for one client */
    CONTROL_OUT_PAUSE = 1024 * 1024,     /* with more than that waiting, no more is read from it */
    CONTROL_ACCEPT_MAX = 32,             /* connections taken in one go */
    CONTROL_TURN_MAX = 16,               /* messages of one client before others have a turn */
};

struct control;

/* Serves |sock|, which it takes, with |methods|, which must outlive it. NULL when memory is out:
 * then |sock| stays the caller's. */
struct control *control_new(struct loop *loop, struct unixsock *sock,
                            const struct rpc_method *methods, size_t method_count, void *ctx);

/* Answers nothing from now on; what the methods work on may go. NULL is legal. */
void control_quiet(struct control *c);

/* Hangs up on everybody and removes the socket. NULL is legal. Not from inside a method. */
void control_free(struct control *c);

#endif
