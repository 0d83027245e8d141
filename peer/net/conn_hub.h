/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of a hub, for the parts of a connection; conn.h has the public calls. A hub holds the
 * data that all connections of a loop share, and lists of the connections that wait for something:
 * at the end of each round of the loop, those connections receive or are flushed.
 */
#ifndef PEER_NET_CONN_HUB_H
#define PEER_NET_CONN_HUB_H

#include "common/ds/list.h"
#include "peer/net/conn_queue.h"

struct conn_hub {
    struct loop *loop;
    struct loop_task *flush;
    struct block_pool *blocks;
    struct list dirty;   /* connections that have bytes to send, or are to be closed */
    struct list starved; /* connections that wait for a block to receive into */
    struct list hungry;  /* connections that wait for a buffer or the disk to send from */
    bool kicked;         /* blocks, buffers or disk jobs may be free again */
    uint32_t conns;
    struct out_pool pool;
};

/* Writes the bytes that can leave, and resumes receiving that waited for them. The connection may
 * be closed afterwards. */
void conn_flush(struct conn *c);

#endif
