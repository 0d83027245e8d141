/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks before a download that its directory can be written to and its disk has enough space.
 */
#ifndef PEER_TORRENT_TORRENT_ROOM_H
#define PEER_TORRENT_TORRENT_ROOM_H

#include "peer/torrent/torrent_impl.h"

/* Starts the check. True if the torrent has to wait for the result; then torrent_start() follows.
 */
bool torrent_room_find(struct torrent *t);
/* The retry timer has fired: checks again. */
void torrent_room_retry(struct torrent *t);
/* The torrent writes no more: gives up the space that it counts on. */
void torrent_room_leave(struct torrent *t);
/* A full disk stopped the torrent: adds the needed and the free space to the failure's sentence. */
void torrent_room_explain(struct torrent *t);

#endif
