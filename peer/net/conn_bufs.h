/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory for the payload of pieces on their way out, with a maximum for all connections of a hub. A
 * few buffers of one block are kept for the next pieces. Knows no connection.
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
    void (*on_put)(void *ctx); /* a buffer came back: there may be room again */
    void *ctx;
};

void conn_bufs_init(struct conn_bufs *b, uint32_t blocks_max, void (*on_put)(void *ctx), void *ctx);
/* All buffers are back. */
void conn_bufs_fini(struct conn_bufs *b);

/* |length| bytes; NULL when memory or the maximum is out. */
uint8_t *conn_bufs_take(struct conn_bufs *b, uint32_t length);
/* |length| as it was taken. |data| NULL is legal. */
void conn_bufs_put(struct conn_bufs *b, uint8_t *data, uint32_t length);

#endif
