/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stores a torrent's totals and known peers in the state database, in the background.
 */
#ifndef PEER_TORRENT_TORRENT_SAVE_H
#define PEER_TORRENT_TORRENT_SAVE_H

#include "peer/torrent/torrent_impl.h"

/* Stores the totals and the peers, if any of it has changed. No effect while another process has
 * the torrent. */
void torrent_save(struct torrent *t);
/* The same without the peers. */
void torrent_save_totals(struct torrent *t);

#endif
