/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leads a torrent through its life: takes the step that lifecycle.h names, until there is nothing
 * left to do.
 */
#ifndef PEER_TORRENT_TORRENT_TURN_H
#define PEER_TORRENT_TORRENT_TURN_H

#include "peer/torrent/torrent_impl.h"

/* Does the torrent's pending work. The engine calls it at the end of each round of the loop in
 * which mark_dirty() was called for the torrent. */
void torrent_turn(struct torrent *t);

/* The two timers of a torrent. */
void torrent_on_timer(void *ctx);
void torrent_on_retry(void *ctx);

#endif
