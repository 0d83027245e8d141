/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Drives the core of a torrent: feeds inputs to the core and carries out its effects.
 */
#ifndef PEER_TORRENT_TORRENT_FX_H
#define PEER_TORRENT_TORRENT_FX_H

#include "peer/torrent/torrent_impl.h"

void torrent_feed(struct torrent *t, const struct swarm_input *in);

#endif
