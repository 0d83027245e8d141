/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Completes a torrent: from "all wanted pieces are verified" to "all is on the disk for good, in
 * the directory where it is to stay".
 */
#ifndef PEER_TORRENT_TORRENT_COMPLETE_H
#define PEER_TORRENT_TORRENT_COMPLETE_H

#include "peer/torrent/torrent_impl.h"

/* Begins the next job of completion, of a torrent that runs and has no job. Also sets the goal STOP
 * when the user's seed policy is met. */
void complete_go_on(struct torrent *t);

#endif
