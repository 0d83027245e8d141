/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Links over TCP (link.h). Files leave by sendfile, and a link that ends politely is kept by
 * farewell.h until the other side has all.
 */
#ifndef PEER_NET_LINK_TCP_H
#define PEER_NET_LINK_TCP_H

#include "peer/net/link.h"

/* Begins to connect to |to|, from the address |from| unless it is NULL. Errors that are known at
 * once are returned; else the handler's on_connected() tells. */
int link_tcp_connect(struct loop *loop, const struct endpoint *to, const struct endpoint *from,
                     struct link **out);

/* Takes an accepted socket; it is closed on error too. */
int link_tcp_new(struct loop *loop, int fd, struct link **out);

#endif
