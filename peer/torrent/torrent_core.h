/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The core of a torrent (swarm.h): made when its files are known, dropped when it rests or reloads.
 */
#ifndef PEER_TORRENT_TORRENT_CORE_H
#define PEER_TORRENT_TORRENT_CORE_H

#include "peer/torrent/torrent_impl.h"

int core_new(struct torrent *t);
/* Drops it and what hangs on it; its totals are kept. */
void core_drop(struct torrent *t);
/* The same, but its announcer goes on. */
void core_put_away(struct torrent *t);
void core_start(struct torrent *t);
/* Tells the core which pieces are wanted, when not all are. */
void core_feed_selection(struct torrent *t);
/* Whether the core has all that it wants. */
bool core_complete(const struct torrent *t);

#endif
