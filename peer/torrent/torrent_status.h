/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The status of a torrent: its state and numbers, as torrent.h reports them.
 */
#ifndef PEER_TORRENT_TORRENT_STATUS_H
#define PEER_TORRENT_TORRENT_STATUS_H

#include "peer/torrent/torrent_impl.h"

/* The state that the status reports. */
enum torrent_state torrent_state_of(const struct torrent *t);

#endif
