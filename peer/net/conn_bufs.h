/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Buffers for the payload of pieces to be sent, with a maximum for all connections of a hub. A few
 * buffers of one block are kept for the next pieces. Knows no connection.
 */
#ifndef PEER_NET_CONN_BUFS_H
#define PEER_NET_CONN_BUFS_H

#include <stdint.h>

struct conn_buf {
    struct conn_buf *next;
};

/* Embedded. Buffers are counted in blocks: a peer may ask for several blocks in one request. */
struct conn_bufs {
    uint32_t used, max; /* blocks */
    uint32_t spare;     /* in |free| */
    struct conn_buf *free;
    void (*on_put)(void *ctx); /* a buffer came back, so the next request may succeed */
    void *ctx;
};

void conn_bufs_init(struct conn_bufs *b, uint32_t blocks_max, void (*on_put)(void *ctx), void *ctx);
/* All buffers must be back. */
void conn_bufs_fini(struct conn_bufs *b);

/* Returns a buffer of |length| bytes; NULL when memory is out or the maximum is reached. */
uint8_t *conn_bufs_take(struct conn_bufs *b, uint32_t length);
/* Gives a buffer back; |length| as in conn_bufs_take(). |data| NULL is legal. */
void conn_bufs_put(struct conn_bufs *b, uint8_t *data, uint32_t length);

#endif
