/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a torrent needs before its first byte: a directory that can be written to, and space.
 */
#ifndef PEER_TORRENT_TORRENT_ROOM_H
#define PEER_TORRENT_TORRENT_ROOM_H

#include "peer/torrent/torrent_impl.h"

/* True if the torrent has to wait for room; then torrent_start() follows. */
bool torrent_room_find(struct torrent *t);
/* It is time to try again. */
void torrent_room_retry(struct torrent *t);
/* It writes no more. */
void torrent_room_leave(struct torrent *t);
/* A full disk stopped it: what is needed and free becomes part of the failure's sentence. */
void torrent_room_explain(struct torrent *t);

#endif
