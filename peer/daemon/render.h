/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrents as the control protocol shows them.
 */
#ifndef PEER_DAEMON_RENDER_H
#define PEER_DAEMON_RENDER_H

#include <jansson.h>

#include "peer/net/session.h"
#include "peer/net/udpdoor.h"

enum {
    RENDER_FILES_MAX = 10000, /* of one torrent.info; "file_count" tells how many there are */
    RENDER_PEERS_MAX = 1000,
};

/* What `ls` shows, and with peers, trackers and files what `info` shows. NULL when memory is out.
 */
json_t *render_torrent(const struct torrent *t);
json_t *render_torrent_details(const struct torrent *t, struct mono now);

json_t *render_udp(const struct udpdoor_counts *counts);
/* A list of "ADDR:PORT". */
json_t *render_listen(const struct endpoint *addrs, size_t count);

#endif
