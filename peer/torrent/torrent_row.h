/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent's row of the state database, and its lock.
 */
#ifndef PEER_TORRENT_TORRENT_ROW_H
#define PEER_TORRENT_TORRENT_ROW_H

#include "peer/torrent/torrent_impl.h"

/* Locks the torrent for this process, unless it is locked already, and reads its row of the
 * database, including the metainfo. SPRAT_E_BUSY: another process has the lock. */
int torrent_enter(struct torrent *t, struct errbuf *eb);
/* Takes the totals and the unfinished move from |row|, without what this session added to it. */
void row_take_totals(struct torrent *t, const struct state_torrent *row);
/* Reads the parts of the row that other processes may have changed since. */
int row_read_totals(struct torrent *t, struct errbuf *eb);
/* Begins to store the options (torrent_store.h), if spratd manages the torrent. INVAL if they can't
 * be stored; NOMEM, AGAIN. */
int row_store_options(struct torrent *t, struct errbuf *eb);

#endif
