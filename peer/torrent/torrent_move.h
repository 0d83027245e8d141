/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves a complete torrent to another directory, while it seeds.
 */
#ifndef PEER_TORRENT_TORRENT_MOVE_H
#define PEER_TORRENT_TORRENT_MOVE_H

#include "peer/torrent/torrent_impl.h"

/* All files are flushed: begins JOB_MOVE or JOB_CLEAN. False if there is nothing to move. */
bool move_go_on(struct torrent *t);
/* The torrent is being removed: deletes the copies that an unfinished move has made in the other
 * directory. False if there is nothing to delete, or nothing any more; otherwise JOB_UNMOVE has
 * begun. */
bool move_undo(struct torrent *t);
/* The check found every piece, so nothing was downloaded: forgets the move, and the files stay
 * where the user put them. */
void move_forget(struct torrent *t);

#endif
