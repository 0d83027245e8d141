/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way into a torrent's core.
 */
#ifndef PEER_TORRENT_TORRENT_FEED_H
#define PEER_TORRENT_TORRENT_FEED_H

#include "peer/torrent/torrent_impl.h"

/* Gives |in| to the core, and carries out all effects (core.carry_out). While effects are being
 * carried out, |in| waits until that is done. No effect without a core. */
void torrent_feed(struct torrent *t, const struct swarm_input *in);

#endif
