/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Links over TCP (link.h). Files are sent by sendfile, and farewell.h keeps a link that ends
 * politely until the other side has received everything.
 */
#ifndef PEER_NET_LINK_TCP_H
#define PEER_NET_LINK_TCP_H

#include "peer/net/link.h"

/* Begins to connect to |to|, from the address |from| unless it is NULL. Immediate errors are
 * returned; later errors go to the handler's on_connected(). */
int link_tcp_connect(struct loop *loop, const struct endpoint *to, const struct endpoint *from,
                     struct link **out);

/* Makes a link of an accepted socket, which is closed on error too. */
int link_tcp_new(struct loop *loop, int fd, struct link **out);

#endif
