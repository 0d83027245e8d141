/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the two halves of a connection share: conn.c (life, handshake, receiving) and conn_out.c
 * (the way out, and the hub). Nobody else includes this.
 */
#ifndef PEER_NET_CONN_IMPL_H
#define PEER_NET_CONN_IMPL_H

#include "common/ds/buf.h"
#include "common/ds/list.h"
#include "common/ev/stream.h"
#include "peer/net/conn.h"

enum { CONN_PIECE_HEADER = 13 };

enum out_state {
    OUT_WAITING,
    OUT_READING,
    OUT_READY,   /* in memory */
    OUT_AT_HAND, /* leaves straight from its file, for that is in the page cache */
    OUT_LAPSED,  /* was at hand: is to be read */
};

/* A piece in a connection's queue; an orphan (conn NULL) when that was closed while it was read. */
struct out_piece {
    struct conn_piece io; /* first: conn_piece_done() gets this address back */
    struct list link;
    struct conn_hub *hub;
    struct conn *conn;
    enum out_state state;
    uint64_t ctl_at;   /* bytes of messages that were queued before it, since the beginning */
    uint32_t sent;     /* of header and payload */
    uint32_t allowed;  /* of the payload: so much may leave by now */
    struct mono asked; /* when it was found at hand */
    uint8_t header[CONN_PIECE_HEADER];
};

/* A stretch that was found to be at hand. */
struct out_hand {
    uint32_t piece, begin;
    uint32_t len; /* 0: none */
    struct mono asked;
};

/* Messages are one stream of bytes, pieces are a list, and each piece knows its place in the
 * stream. */
struct conn_out {
    struct buf ctl;
    uint64_t ctl_sent; /* bytes of messages that left, since the beginning */
    struct list pieces;
    uint32_t count;  /* in |pieces| */
    uint32_t loaded; /* of them past OUT_WAITING; they are the first ones */
    struct out_hand hand;
    struct out_piece *waiting; /* the first that is neither; NULL if there is none */
    bool blocked;              /* the socket is full */
    bool corked;               /* the kernel waits for more before it sends a short packet */
    bool stuffed;              /* more than CONN_CTL_PAUSE waits: nothing is received */
};

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
    struct stream *stream;
    struct loop_timer *timer; /* until the handshakes are done, or a long message has come */
    bool long_message;        /* one has begun */
    bool connected;           /* or that failed */
    bool reached;             /* it stands, or stood */
    unsigned busy;            /* calls on the stack that still use it */
    int doomed;               /* an error that closes it at the next flush */
    struct list dirty;        /* on the hub's list: something to send, or to close */
    struct list starved;      /* on the hub's list: waits for a block */
    struct list hungry;       /* on the hub's list: waits for a buffer or the disk */
    uint8_t hello[HANDSHAKE_LEN];
    uint32_t hello_len;
    struct wire_rx rx;
    struct conn_out out;
};

struct out_buffer {
    struct out_buffer *next;
};

struct conn_hub {
    struct loop *loop;
    struct loop_task *flush;
    struct block_pool *blocks;
    struct list dirty, starved, hungry;
    bool kicked;
    uint32_t conns;
    uint32_t reads;   /* reads under way, those of closed connections included */
    uint32_t buffers; /* in use, in blocks */
    uint32_t buffers_max;
    uint32_t spare;
    struct out_buffer *free;
    struct list pieces; /* records that are not in use */
    uint32_t piece_count;
    struct buf scratch; /* for encoding */
};

/* conn.c */
void conn_enter(struct conn *c);
void conn_leave(struct conn *c);         /* frees it when it was closed and nobody uses it */
void conn_fail(struct conn *c, int err); /* closes it and tells the owner */
int conn_want(struct conn *c);
/* It starved, and there are blocks again. */
void conn_feed(struct conn *c);
/* What was sent makes room for answers: received messages are taken again. */
void conn_go_on(struct conn *c);

/* conn_out.c */
void conn_mark_dirty(struct conn *c);
void conn_out_init(struct conn *c);
void conn_out_fini(struct conn *c);
void conn_flush(struct conn *c);

#endif
