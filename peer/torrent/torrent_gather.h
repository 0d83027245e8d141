/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves data of newly wanted files out of the part file.
 */
#ifndef PEER_TORRENT_TORRENT_GATHER_H
#define PEER_TORRENT_TORRENT_GATHER_H

#include "peer/torrent/torrent_impl.h"

/* Of a torrent that is IDLE, with its storage open. True if there is such data: JOB_GATHER has
 * begun, after which the torrent is loaded again; or the torrent has failed. */
bool gather_go_on(struct torrent *t);

#endif
