/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local service discovery of a process (core/lsd.h): feeds the core with the interfaces, the
 * torrents and the announces of others, and sends ours. Belongs to the first loop.
 */
#ifndef PEER_ENGINE_LSDNODE_H
#define PEER_ENGINE_LSDNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/log.h"
#include "common/codec/identity.h"
#include "common/ev/loop.h"
#include "peer/core/lsd.h"

struct lsdnode;

struct lsdnode_config {
    struct loop *loop;
    const struct endpoint *listen; /* where we listen for peers; copied */
    size_t listen_count;
    const struct log *log; /* borrowed */
};

struct lsdnode_handler {
    void *ctx;
    /* A host of the local network says that it has the torrent. No function of this header may be
     * called in the call. */
    void (*on_peer)(void *ctx, uint64_t number, const struct endpoint *peer);
};

/* Opens the sockets of the interfaces that are there. NULL when memory is out. */
struct lsdnode *lsdnode_new(const struct lsdnode_config *cfg,
                            const struct lsdnode_handler *handler);
/* NULL is legal. */
void lsdnode_free(struct lsdnode *n);

/* An interface or an address of this machine came, went or changed. */
void lsdnode_on_change(struct lsdnode *n);

/* lsd_announce() and lsd_withdraw() for each hash of the torrent. SPRAT_E_NOMEM: the torrent is not
 * announced. */
int lsdnode_announce(struct lsdnode *n, uint64_t number, const struct identity *id, bool repeat);
void lsdnode_withdraw(struct lsdnode *n, uint64_t number, const struct identity *id);

void lsdnode_get_stats(const struct lsdnode *n, struct lsd_stats *st);

#endif
