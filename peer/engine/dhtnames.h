/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names of DHT nodes, and the look-ups of their addresses: the bootstrap names of the user, and
 * names in torrent files ("nodes", BEP 5). Whoever makes a torrent file chooses its names, so few
 * of them are taken and looked up at a time.
 */
#ifndef PEER_ENGINE_DHTNAMES_H
#define PEER_ENGINE_DHTNAMES_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/log.h"
#include "common/ev/loop.h"
#include "common/ev/resolve.h"
#include "peer/core/dht.h"

enum {
    DHTNAMES_BOOTSTRAP_MAX = 16,  /* bootstrap names; further names are not used */
    DHTNAMES_HINTS_MAX = 32,      /* names of torrents that are kept; a further one replaces the
                                     oldest */
    DHTNAMES_HINTS_TORRENT = 8,   /* names of one torrent */
    DHTNAMES_HINTS_HOUR = 128,    /* names of all torrents that are taken in an hour */
    DHTNAMES_HINTS_AT_A_TIME = 2, /* of them, look-ups at a time: trackers' names wait for the same
                                     threads */
    DHTNAMES_HINT_ADDRS = 4,      /* addresses of such a name that are used */
};

struct dhtnames;

/* The services that the names use; all are borrowed. on_addr() is called from the loop, and never
 * from inside a call of this header. */
struct dhtnames_config {
    struct loop *loop;
    struct resolver *resolver;
    const struct log *log;
    void *ctx;
    void (*on_addr)(void *ctx, enum dht_source source, const struct endpoint *addr);
};

/* NULL when memory is out. */
struct dhtnames *dhtnames_new(const struct dhtnames_config *cfg);
/* Drops the look-ups. NULL is legal. */
void dhtnames_free(struct dhtnames *n);

/* Adds a bootstrap name, "HOST:PORT" or "[IPV6]:PORT". */
void dhtnames_add(struct dhtnames *n, const char *text);
/* Adds a name that a torrent file has, and looks it up soon; no effect if it is known. */
void dhtnames_hint(struct dhtnames *n, const char *host, uint16_t port);

/* Looks all names up again. */
void dhtnames_ask(struct dhtnames *n);

#endif
