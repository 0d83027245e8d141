/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The send queue of a connection. Messages are one stream of bytes, pieces are a list, and each
 * piece knows its position in the stream. The queue knows which bytes can leave from memory now,
 * and removes sent bytes; it neither reads pieces nor writes.
 */
#ifndef PEER_NET_CONN_QUEUE_H
#define PEER_NET_CONN_QUEUE_H

#include <sys/uio.h>

#include "common/base/mono.h"
#include "common/ds/buf.h"
#include "common/ds/list.h"
#include "peer/net/conn.h"
#include "peer/net/conn_bufs.h"

enum { OUT_VECS = 64 };

enum out_state {
    OUT_WAITING,
    OUT_READING,
    OUT_READY,   /* in memory */
    OUT_AT_HAND, /* leaves straight from its file, which is in the page cache */
    OUT_LAPSED,  /* was at hand, and has to be read */
};

/* The records and buffers of pieces, shared by the connections of a hub. Embedded. */
struct out_pool {
    struct conn_bufs bufs;
    struct list spare; /* unused records */
    uint32_t spare_count;
    uint32_t reads;     /* pieces in OUT_READING, those of closed connections included */
    struct buf scratch; /* for encoding */
};

/* A piece in a queue; an orphan (conn NULL) if its connection was closed while the piece was read.
 */
struct out_piece {
    struct conn_piece io; /* first: conn_piece_done() gets this address back */
    struct list link;
    struct out_pool *pool;
    struct conn *conn;
    enum out_state state;
    uint64_t ctl_at;   /* bytes of messages that were queued before this piece, since the
                          beginning */
    uint32_t sent;     /* bytes of header and payload */
    uint32_t allowed;  /* bytes of the payload that the upload limit lets leave so far */
    struct mono asked; /* the time when the piece was found at hand */
    uint8_t header[WIRE_PIECE_HEADER];
};

/* The queue, embedded in its connection. */
struct conn_queue {
    struct buf ctl;
    uint64_t ctl_sent; /* bytes of messages sent since the beginning */
    struct list pieces;
    uint32_t count;            /* in |pieces| */
    uint32_t loaded;           /* pieces past OUT_WAITING; they are the first of the list */
    struct out_piece *waiting; /* the first piece in OUT_WAITING; NULL if there is none */
};

/* The vectors of one write. */
struct out_vec {
    struct iovec iov[OUT_VECS];
    int count;
};

/* |on_put| as in conn_bufs.h. NOMEM: out_pool_fini() is still due. */
int out_pool_init(struct out_pool *pool, uint32_t buffers_max, void (*on_put)(void *ctx),
                  void *ctx);
/* All pieces must be free (asserted). */
void out_pool_fini(struct out_pool *pool);
/* Frees a piece that is in no queue. */
void out_piece_free(struct out_piece *p);

void conn_queue_init(struct conn_queue *q);
/* Frees the queue's pieces; pieces that are being read stay as orphans until their reader is done.
 */
void conn_queue_fini(struct conn_queue *q);

/* Both calls append to the queue, or return SPRAT_E_LIMIT when it is full. The message's payload is
 * copied. */
int conn_queue_put(struct conn_queue *q, const uint8_t *bytes, size_t len);
int conn_queue_put_message(struct conn_queue *q, const struct wire_msg *msg);
/* Appends the piece |io|, whose |data| is NULL; |allowed| as in conn_send_piece(). */
int conn_queue_put_piece(struct conn_queue *q, struct out_pool *pool, struct conn *c,
                         const struct conn_piece *io, uint32_t allowed);

/* Allows |more| bytes of the last piece to leave; false if the last piece is a different one. */
bool conn_queue_allow(struct conn_queue *q, uint32_t piece, uint32_t begin, uint32_t more);

/* The number of message bytes that wait. */
size_t conn_queue_ctl(const struct conn_queue *q);

/* The first piece; NULL if there is none. */
struct out_piece *conn_queue_first(const struct conn_queue *q);
/* The first waiting piece has left the state OUT_WAITING: updates |waiting| and |loaded|. */
void conn_queue_waits_no_more(struct conn_queue *q);
/* Removes |p|: a piece past OUT_WAITING or |waiting|, never a later waiting piece. */
void conn_queue_remove(struct conn_queue *q, struct out_piece *p);

/* Gathers the bytes that can leave from memory now, in order, up to the first payload that is not
 * in memory. */
void conn_queue_gather(const struct conn_queue *q, struct out_vec *v);
/* The first piece, if its payload is next to leave and can leave from its file; else NULL. */
struct out_piece *conn_queue_file_is_next(const struct conn_queue *q);
/* Removes |n| sent bytes from the front. Returns how many of them were payload. */
uint32_t conn_queue_consume(struct conn_queue *q, size_t n);

#endif
