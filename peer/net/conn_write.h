/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The writer of a connection: what is in the queue leaves by the link, gathered into as few writes
 * as the link takes.
 */
#ifndef PEER_NET_CONN_WRITE_H
#define PEER_NET_CONN_WRITE_H

#include <stdbool.h>

struct conn;

/* Embedded. */
struct conn_writer {
    bool blocked; /* the link is full */
    bool corked;  /* the link waits for more before it sends a short packet */
};

/* Writes until the link is full, nothing is left, or others shall have their turn: then true. The
 * connection may be closed afterwards. */
bool conn_write_turn(struct conn *c);

#endif
