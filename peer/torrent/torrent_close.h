/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Closes a torrent: the last commit, the files of one that is removed, and the storage.
 */
#ifndef PEER_TORRENT_TORRENT_CLOSE_H
#define PEER_TORRENT_TORRENT_CLOSE_H

#include "peer/torrent/torrent_impl.h"

/* SAVING: begins JOB_SAVE once all work of the disk has ended; CLOSING follows. */
void close_save(struct torrent *t);
/* CLOSING and RETIRING: begins the next of JOB_UNMOVE, JOB_ERASE, JOB_CLOSE and JOB_FORGET. The
 * phase that lifecycle_closed() gives follows. */
void close_go_on(struct torrent *t);
/* Drops the torrent without saving and announcing, and waits for the disk's threads; the storage is
 * freed soon after. */
void torrent_crash(struct torrent *t);
/* Whether the storage is closed, so that the torrent can be freed. */
bool torrent_is_closed(const struct torrent *t);

#endif
