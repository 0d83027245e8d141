/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sockets of local service discovery (BEP 14): one for each family of each network interface on
 * which we listen for peers (a *link*, core/lsd.h). They are opened and closed as interfaces and
 * addresses come and go.
 */
#ifndef PEER_NET_LSDLINKS_H
#define PEER_NET_LSDLINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/log.h"
#include "common/ev/loop.h"
#include "peer/core/lsd.h"

enum {
    LSDLINKS_ADDRS_MAX = 512, /* addresses of this machine that are looked at */
    LSDLINKS_BATCH = 16,      /* datagrams that are read at a time */
};

struct lsdlinks;

struct lsdlinks_config {
    struct loop *loop;
    const struct endpoint *listen; /* where we listen for peers; copied */
    size_t listen_count;           /* at most LSDLINKS_LISTEN_MAX */
    const struct log *log;         /* borrowed */
};

enum { LSDLINKS_LISTEN_MAX = 8 };

struct lsdlinks_handler {
    void *ctx;
    /* A link came, or its networks may be others now. |link| is valid during the call. */
    void (*on_up)(void *ctx, unsigned number, const struct lsd_link *link);
    void (*on_down)(void *ctx, unsigned number);
    /* |data| is valid during the call, which must not free the links. */
    void (*on_datagram)(void *ctx, unsigned number, const struct endpoint *from,
                        const uint8_t *data, size_t len);
};

/* There are no links before lsdlinks_refresh(). NULL when memory is out. */
struct lsdlinks *lsdlinks_new(const struct lsdlinks_config *cfg,
                              const struct lsdlinks_handler *handler);
/* Closes all sockets, without calls of the handler. NULL is legal. */
void lsdlinks_free(struct lsdlinks *n);

/* Looks at the interfaces of this machine again. */
void lsdlinks_refresh(struct lsdlinks *n);

/* Sends a datagram to the group of the link. False: the network refuses it. */
bool lsdlinks_send(struct lsdlinks *n, unsigned number, const uint8_t *data, size_t len);

#endif
