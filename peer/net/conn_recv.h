/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The receiving side of a connection: reads the handshake, then messages, from the link straight
 * into their final memory. The connection may be closed after each call.
 */
#ifndef PEER_NET_CONN_RECV_H
#define PEER_NET_CONN_RECV_H

struct conn;

/* The link has bytes of the handshake. */
void conn_read_hello(struct conn *c);
void conn_read_messages(struct conn *c);

/* Continues receiving on a connection that waited for a block, now that there are free blocks. */
void conn_feed(struct conn *c);

/* Sent bytes have made space for answers: handles received messages again. */
void conn_go_on(struct conn *c);

/* Queues the bytes of this side's handshake. 0 or SPRAT_E_LIMIT. */
int conn_say_hello(struct conn *c);

#endif
