/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrents as the control protocol shows them.
 */
#ifndef PEER_DAEMON_RENDER_H
#define PEER_DAEMON_RENDER_H

#include <jansson.h>

#include "peer/engine/engine.h"
#include "peer/net/udpdoor.h"

enum {
    RENDER_FILES_MAX = 10000, /* of one torrent.info; "file_count" tells how many there are */
    RENDER_PEERS_MAX = 1000,
    RENDER_TRIES_MAX = 100, /* addresses of one torrent.why; "addresses_known" tells how many there
                               are */
    RENDER_WHY_PEERS_MAX = 50, /* connected peers of one torrent.why */
};

/* What `ls` shows, and with peers, trackers and files what `info` shows. NULL when memory is out.
 */
json_t *render_torrent(const struct torrent *t);
json_t *render_torrent_details(const struct torrent *t, struct mono now);

/* All there is to say of why nothing moves: reasons, addresses that were tried, peers and what they
 * have of what is missing, trackers, limits. */
json_t *render_why_details(const struct torrent *t, struct mono now);

json_t *render_udp(const struct udpdoor_counts *counts);

/* A list of "ADDR:PORT". */
json_t *render_listen(const struct endpoint *addrs, size_t count);

#endif
