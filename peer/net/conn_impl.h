/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of a connection, for its own files only. From below: conn_bufs (memory of pieces),
 * conn_queue (the queue to send), conn_life (its end, and calls that every part needs), conn_ahead
 * (reads pieces), conn_write and conn_recv (both directions), conn_hub (the rounds of the loop),
 * conn (the interface, and the beginning).
 */
#ifndef PEER_NET_CONN_IMPL_H
#define PEER_NET_CONN_IMPL_H

#include "common/ds/list.h"
#include "peer/core/hello.h"
#include "peer/net/conn.h"
#include "peer/net/conn_ahead.h"
#include "peer/net/conn_hub.h"
#include "peer/net/conn_queue.h"
#include "peer/net/conn_write.h"
#include "peer/net/link.h"

#define CONN_MAGIC 0x434f4e4eu

enum conn_state {
    CONN_SHAKING, /* being connected, or the peer's handshake is not complete */
    CONN_SHAKEN,  /* the peer's handshake is complete; the owner has not called conn_start() */
    CONN_TALKING,
    CONN_CLOSED,
};

struct conn {
    uint32_t magic;
    enum conn_state state;
    struct conn_hub *hub;
    struct conn_handler handler;
    uint64_t tag;
    struct endpoint peer;
    struct link *link;
    struct loop_timer *timer; /* runs until the handshakes are done, or a long message has
                                 arrived */
    bool long_message;        /* a long message has begun */
    bool stuffed;             /* more than CONN_CTL_PAUSE waits: nothing is received */
    bool connected;           /* connecting has ended, with or without success */
    bool reached;             /* the link is, or was, connected */
    unsigned busy;            /* calls on the stack that use the connection: it is not freed */
    int doomed;               /* an error that closes the connection at the next flush; 0: none */
    struct list dirty;        /* on the hub's lists */
    struct list starved;
    struct list hungry;
    struct hello hello;
    struct wire_rx rx;
    struct conn_queue out;
    struct conn_hand hand;
    struct conn_writer writer;
};

/* conn_life.c */
void conn_enter(struct conn *c);
void conn_leave(struct conn *c);         /* frees the connection when it is closed and no call uses
                                            it */
void conn_fail(struct conn *c, int err); /* closes the connection and calls on_closed() */
void conn_doom(struct conn *c, int err); /* as conn_fail(), but at the next flush */
void conn_mark_dirty(struct conn *c);
int conn_want(struct conn *c); /* tells the link which directions matter now */

#endif
