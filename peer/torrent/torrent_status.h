/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Numbers of a torrent for people.
 */
#ifndef PEER_TORRENT_TORRENT_STATUS_H
#define PEER_TORRENT_TORRENT_STATUS_H

#include "peer/torrent/torrent_impl.h"

/* As the status says it. */
enum torrent_state torrent_state_of(const struct torrent *t);

#endif
