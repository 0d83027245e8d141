/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The DHT nodes of a process (core/dht.h): one for each UDP socket, so that each local address has
 * a node. Carries their datagrams, resolves the bootstrap names, and keeps their tables in the
 * state database. Belongs to the first loop.
 *
 * Each search runs at all nodes. The caller names it by a number, and gets the peers by that
 * number.
 */
#ifndef PEER_ENGINE_DHTNODES_H
#define PEER_ENGINE_DHTNODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/log.h"
#include "common/codec/identity.h"
#include "common/ev/loop.h"
#include "common/ev/resolve.h"
#include "peer/core/dht.h"
#include "peer/net/udpdoor.h"
#include "peer/store/state.h"

struct dhtnodes;

/* The services that the nodes use; all are borrowed. */
struct dhtnodes_config {
    struct loop *loop;
    struct udpdoor *door; /* its sockets are open */
    struct resolver *resolver;
    struct state *state;
    struct doneq *doneq;
    const struct log *log;
    const char *const *names; /* "HOST:PORT" or "[IPV6]:PORT", copied; asked only if no node of the
                                 former run answers */
    size_t name_count;
    uint16_t port; /* our port as peers know it */
};

/* A torrent that is searched for. Hashes: v1, or the truncated v2 hash, or both. */
struct dhtnodes_search {
    uint64_t number;
    struct identity id;
    bool seed;   /* we have all pieces: no seeds are wanted */
    bool hungry; /* it has no peers, and wants some */
};

struct dhtnodes_handler {
    void *ctx;
    /* No function of this header may be called in these calls. |peers| is valid during the call. */
    void (*on_peers)(void *ctx, uint64_t number, const struct endpoint *peers, size_t count);
    /* A round of the search has ended; it found |peers| addresses. The next begins at |again|. */
    void (*on_searched)(void *ctx, uint64_t number, uint32_t peers, struct mono again);
};

/* Makes the nodes, with what the database remembers of them, and joins the DHT. SPRAT_E_NOMEM, or
 * an error of the database. */
int dhtnodes_new(const struct dhtnodes_config *cfg, const struct dhtnodes_handler *handler,
                 struct dhtnodes **out, struct errbuf *eb);

/* Stores the tables and ends the nodes; before the sockets, the resolver and the database close.
 * dhtnodes_free() frees the rest, after |cfg.doneq| has been drained for the last time. NULL is
 * legal in both. */
void dhtnodes_close(struct dhtnodes *d);
void dhtnodes_free(struct dhtnodes *d);

/* Starts a search, or changes it. SPRAT_E_NOMEM, SPRAT_E_LIMIT: it was not started. */
int dhtnodes_search(struct dhtnodes *d, const struct dhtnodes_search *s);
void dhtnodes_stop(struct dhtnodes *d, uint64_t number);

/* A node that may be alive. */
void dhtnodes_add(struct dhtnodes *d, enum dht_source source, const struct endpoint *addr);
/* The same, by the name or address that a torrent file has (dhtnames_hint()). */
void dhtnodes_hint(struct dhtnodes *d, const char *host, uint16_t port);

/* The nodes, to show them: their number, and the address and the stats of one. */
unsigned dhtnodes_count(const struct dhtnodes *d);
const struct endpoint *dhtnodes_stats(const struct dhtnodes *d, unsigned node,
                                      struct dht_stats *st);

#endif
