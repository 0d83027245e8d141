/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hub's inside, for the parts of a connection; conn.h has what others may do with a hub. It
 * holds what all connections of a loop share, and lists of those that wait for something: at the
 * end of each round of the loop they are fed or flushed.
 */
#ifndef PEER_NET_CONN_HUB_H
#define PEER_NET_CONN_HUB_H

#include "common/ds/list.h"
#include "peer/net/conn_queue.h"

struct conn_hub {
    struct loop *loop;
    struct loop_task *flush;
    struct block_pool *blocks;
    struct list dirty;   /* connections that have something to send, or are to be closed */
    struct list starved; /* those that wait for a block to receive into */
    struct list hungry;  /* those that wait for a buffer or the disk to send from */
    bool kicked;         /* what the starved and hungry ones wait for may be there */
    uint32_t conns;
    struct out_pool pool;
};

/* Writes what can leave, and goes on receiving what was held back for it. The connection may be
 * closed afterwards. */
void conn_flush(struct conn *c);

#endif
