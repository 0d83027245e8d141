/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Gives a torrent the metainfo for which it waits; torrent.h has torrent_learn().
 */
#ifndef PEER_TORRENT_TORRENT_LEARN_H
#define PEER_TORRENT_TORRENT_LEARN_H

#include "peer/torrent/torrent_impl.h"

/* Gives the torrent what its core has fetched, if there is anything. A torrent that can't use it
 * fails with a message. */
void learn_go_on(struct torrent *t);

#endif
