/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The receiving side of a connection: the hello, then messages, read from the link straight to
 * where they live. The connection may be closed after each call.
 */
#ifndef PEER_NET_CONN_RECV_H
#define PEER_NET_CONN_RECV_H

struct conn;

/* The link has bytes. */
void conn_read_hello(struct conn *c);
void conn_read_messages(struct conn *c);

/* It starved, and there are blocks again. */
void conn_feed(struct conn *c);

/* What was sent makes room for answers: received messages are taken again. */
void conn_go_on(struct conn *c);

/* Queues what the hello has to say. 0 or SPRAT_E_LIMIT. */
int conn_say_hello(struct conn *c);

#endif
