/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Buffers of one block come from a short list of free ones, longer ones from malloc().
 */
#include "peer/net/conn_bufs.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "peer/net/conn.h"

void
conn_bufs_init(struct conn_bufs *b, uint32_t blocks_max, void (*on_put)(void *ctx), void *ctx)
{
    *b = (struct conn_bufs){.max = blocks_max, .on_put = on_put, .ctx = ctx};
}

void
conn_bufs_fini(struct conn_bufs *b)
{
    struct conn_buf *buf;

    ASSERT(b->used == 0);
    while ((buf = b->free) != NULL) {
        b->free = buf->next;
        free(buf);
    }
}

static uint32_t
blocks_of(uint32_t length)
{
    return (length + BLOCK_LEN - 1) / BLOCK_LEN;
}

uint8_t *
conn_bufs_take(struct conn_bufs *b, uint32_t length)
{
    struct conn_buf *buf = length <= BLOCK_LEN ? b->free : NULL;

    if (b->used + blocks_of(length) > b->max)
        return NULL;
    if (buf != NULL) {
        b->free = buf->next;
        b->spare--;
    } else {
        buf = malloc(length > BLOCK_LEN ? length : BLOCK_LEN);
        if (buf == NULL)
            return NULL;
    }
    b->used += blocks_of(length);
    return (uint8_t *)buf;
}

void
conn_bufs_put(struct conn_bufs *b, uint8_t *data, uint32_t length)
{
    struct conn_buf *buf = (struct conn_buf *)(void *)data;

    if (buf == NULL)
        return;
    b->used -= blocks_of(length);
    if (length > BLOCK_LEN || b->spare >= CONN_HUB_BUFFERS_KEEP) {
        free(buf);
    } else {
        buf->next = b->free;
        b->free = buf;
        b->spare++;
    }
    b->on_put(b->ctx);
}
