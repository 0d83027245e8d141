/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The writer of a connection: sends the queue by the link, gathered into as few writes as possible.
 */
#ifndef PEER_NET_CONN_WRITE_H
#define PEER_NET_CONN_WRITE_H

#include <stdbool.h>

struct conn;

/* The state of the writer, embedded in the connection. */
struct conn_writer {
    bool blocked; /* the link is full */
    bool corked;  /* the link waits for more before it sends a short packet */
};

/* Writes until the link is full, the queue is empty, or CONN_TURN_BYTES are written: true in the
 * last case only. The connection may be closed afterwards. */
bool conn_write_turn(struct conn *c);

/* For a connection that is about to end: writes the messages that wait, as far as the link takes
 * them at once, unless pieces wait too. The handler does not learn of it. */
void conn_write_last(struct conn *c);

#endif
