/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Brings a complete torrent into another directory, while it seeds.
 */
#ifndef PEER_TORRENT_TORRENT_MOVE_H
#define PEER_TORRENT_TORRENT_MOVE_H

#include "peer/torrent/torrent_impl.h"

/* The next step after all is flushed; false if there is none. */
bool torrent_move_go_on(struct torrent *t);
/* It is being removed: of a move that did not come to its end, nothing stays in the other place.
 * False if there is nothing to do, or no more. */
bool torrent_move_undo(struct torrent *t);
/* Nothing was downloaded: what is where its owner put it stays there. */
void torrent_move_forget(struct torrent *t);

#endif
