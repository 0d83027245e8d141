/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes torrents as the JSON objects of the control protocol.
 */
#ifndef PEER_DAEMON_RENDER_H
#define PEER_DAEMON_RENDER_H

#include <jansson.h>

#include "peer/engine/shards.h"
#include "peer/core/dht.h"
#include "peer/core/lsd.h"
#include "peer/net/udpdoor.h"

enum {
    RENDER_FILES_MAX = 10000, /* files of one torrent.info; "file_count" has their full number */
    RENDER_PEERS_MAX = 1000,
    RENDER_TRIES_MAX = 100, /* addresses of one torrent.why; "addresses_known" has their full
                               number */
    RENDER_WHY_PEERS_MAX = 50, /* connected peers in one torrent.why */
};

/* The members that `ls` shows, and with peers, trackers and files those of `info`. NULL when memory
 * is out. */
json_t *render_torrent(const struct torrent *t);
json_t *render_torrent_details(const struct torrent *t, struct mono now);

/* All facts about why no data moves: reasons, addresses tried, peers and their share of the missing
 * pieces, trackers, limits. */
json_t *render_why_details(const struct torrent *t, struct mono now);

/* A node of the DHT at |at|. */
json_t *render_dht(const struct endpoint *at, const struct dht_stats *st);
/* Local discovery. */
json_t *render_lsd(const struct lsd_stats *st);
json_t *render_udp(const struct udpdoor_counts *counts);

/* A list of "ADDR:PORT". */
json_t *render_listen(const struct endpoint *addrs, size_t count);

/* The objects of torrent.list and torrent.why for a torrent whose loop does not answer: what is not
 * known is null. */
json_t *render_silent(const struct shards_silent *t);
json_t *render_silent_why(const struct shards_silent *t);

#endif
