/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loads a torrent: opens its files and finds out which pieces are on disk.
 */
#ifndef PEER_TORRENT_TORRENT_LOAD_H
#define PEER_TORRENT_TORRENT_LOAD_H

#include "peer/torrent/torrent_impl.h"

/* Begins JOB_CHECK, or JOB_GATHER with the goal RELOAD; or puts the torrent in the queue of those
 * that wait to be loaded. READY follows a check that succeeded. */
void torrent_load(struct torrent *t);
/* Which names the torrent's files can have on disk. */
enum workname_use torrent_worknames(const struct torrent *t);

#endif
