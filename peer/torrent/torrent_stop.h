/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Completes, stops, saves, closes and reloads a torrent.
 */
#ifndef PEER_TORRENT_TORRENT_STOP_H
#define PEER_TORRENT_TORRENT_STOP_H

#include "peer/torrent/torrent_impl.h"

void torrent_stop(struct torrent *t);
void torrent_stop_go_on(struct torrent *t);
/* Closes the storage, and loads the torrent again. */
void torrent_reload(struct torrent *t);

/* The core has verified all pieces: begins the steps of completion (phase.h). */
void torrent_on_complete(struct torrent *t);
void torrent_completion_go_on(struct torrent *t);
void torrent_save(struct torrent *t);
/* The same without the peers. */
void torrent_save_totals(struct torrent *t);
/* Drops the torrent without saving and announcing; the storage is freed when the disk's threads are
 * done with it. */
void torrent_crash(struct torrent *t);

#endif
