/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which files of a torrent are wanted, and how that changes while it runs.
 */
#ifndef PEER_TORRENT_TORRENT_SELECT_H
#define PEER_TORRENT_TORRENT_SELECT_H

#include "peer/torrent/torrent_impl.h"

/* What the state database remembers of a choice of files. */
int torrent_load_selection(struct torrent *t, struct errbuf *eb);
bool selection_is_all(const uint8_t *bytes, size_t count);
/* True if files had to be moved out of the part file first:
 * the torrent is loaded again afterwards, or has failed. */
bool torrent_gather(struct torrent *t);

#endif
