/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Completion, and the end of a torrent: stopped, saved, closed, loaded again.
 */
#ifndef PEER_TORRENT_TORRENT_STOP_H
#define PEER_TORRENT_TORRENT_STOP_H

#include "peer/torrent/torrent_impl.h"

void torrent_stop(struct torrent *t);
void torrent_stop_go_on(struct torrent *t);
/* Closes all, and loads it again. */
void torrent_reload(struct torrent *t);

/* All pieces are verified. */
void torrent_on_complete(struct torrent *t);
void torrent_completion_go_on(struct torrent *t);
void torrent_save(struct torrent *t);
/* The same without the peers. */
void torrent_save_totals(struct torrent *t);
/* Without a word to anybody, but for the disk's threads: the storage is gone when they are done. */
void torrent_crash(struct torrent *t);

#endif
