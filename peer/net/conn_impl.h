/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A connection's inside, for its parts alone. From below: conn_bufs (memory of pieces), conn_queue
 * (what is to be sent), conn_life (its end, and what every part says about it), conn_ahead (reads
 * pieces), conn_write and conn_recv (both directions), conn_hub (the rounds), conn (the interface,
 * and how it begins).
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
    CONN_SHAKING, /* being connected, or their handshake is not whole yet */
    CONN_SHAKEN,  /* it is; the owner has not said conn_start() */
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
    struct loop_timer *timer; /* until the handshakes are done, or a long message has come */
    bool long_message;        /* one has begun */
    bool stuffed;             /* more than CONN_CTL_PAUSE waits: nothing is received */
    bool connected;           /* or that failed */
    bool reached;             /* it stands, or stood */
    unsigned busy;            /* calls on the stack that still use it */
    int doomed;               /* an error that closes it at the next flush */
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
void conn_leave(struct conn *c);         /* frees it when it was closed and nobody uses it */
void conn_fail(struct conn *c, int err); /* closes it and tells the owner */
void conn_doom(struct conn *c, int err); /* likewise at the next flush */
void conn_mark_dirty(struct conn *c);
int conn_want(struct conn *c); /* tells the link which directions matter now */

#endif
