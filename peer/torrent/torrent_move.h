/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves a complete torrent to another directory, while it seeds.
 */
#ifndef PEER_TORRENT_TORRENT_MOVE_H
#define PEER_TORRENT_TORRENT_MOVE_H

#include "peer/torrent/torrent_impl.h"

/* Starts the next step of the move after all files are flushed; false if there is none. */
bool torrent_move_go_on(struct torrent *t);
/* The torrent is being removed: deletes the copies that an unfinished move has made in the other
 * directory. False if there is nothing to delete, or nothing any more. */
bool torrent_move_undo(struct torrent *t);
/* The check found every piece, so nothing was downloaded: forgets the move, and the files stay
 * where the user put them. */
void torrent_move_forget(struct torrent *t);

#endif
