/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The addresses of peers that a torrent's core learns from outside the swarm: from the user, by
 * name or by number, and from the state database.
 */
#ifndef PEER_TORRENT_TORRENT_ADDRS_H
#define PEER_TORRENT_TORRENT_ADDRS_H

#include "common/ev/resolve.h"
#include "peer/torrent/torrent_impl.h"

/* A peer that the user named, whose name is being resolved. */
struct torrent_name {
    struct list link;
    struct torrent *torrent;
    struct resolve *resolve;
    char text[RESOLVE_HOST_MAX + 8];
};

/* Passes |addrs| to the core. */
void addrs_feed(struct torrent *t, enum peer_source source, const struct endpoint *addrs,
                size_t count);
/* Passes on the peers that the user named, from number |first| on. */
void addrs_add_named(struct torrent *t, size_t first);
/* Passes on the peers that the state database remembers. */
void addrs_add_stored(struct torrent *t);
/* Ends all resolving. */
void addrs_fini(struct torrent *t);

#endif
