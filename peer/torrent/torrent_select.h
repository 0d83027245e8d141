/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The selection of wanted files (selection.h) of a torrent, and changes to it at run time.
 */
#ifndef PEER_TORRENT_TORRENT_SELECT_H
#define PEER_TORRENT_TORRENT_SELECT_H

#include "peer/torrent/torrent_impl.h"

/* Loads the selection of the torrent's |count| files from the state database. The database's error,
 * or NOMEM. */
int select_load(struct torrent *t, size_t count, struct errbuf *eb);
/* Uses a choice that has been stored, as soon as the torrent's state allows that. */
void select_go_on(struct torrent *t);
/* Begins to choose the files that a magnet link named by number (BEP 53), once the metainfo is
 * known. True while that is under way: the files must not be checked yet. */
bool select_by_number(struct torrent *t);
/* The torrent is freed. */
void select_forget(struct torrent *t);
bool selection_is_all(const uint8_t *bytes, size_t count);
/* Reads the stored choice of the |count| files of the torrent with this row (parts.h). Any thread.
 */
int selection_stored(struct state *st, int64_t id, uint8_t *bytes, size_t count, struct errbuf *eb);

#endif
