/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes and frees torrents, running ones and ones at rest.
 */
#ifndef PEER_TORRENT_TORRENT_NEW_H
#define PEER_TORRENT_TORRENT_NEW_H

#include "peer/torrent/torrent_impl.h"

int torrent_new(struct torrent_env *env, const struct torrent_add *add, struct torrent **out,
                struct errbuf *eb);
/* The same of one that is at rest, as |row| has it; |add->mi| stays the caller's. */
int torrent_new_at_rest(struct torrent_env *env, const struct torrent_add *add,
                        struct torrent **out, struct errbuf *eb);
void torrent_free(struct torrent *t);
/* Makes us its one user, unless we are, and reads what the database has of it, also its metainfo.
 * SPRAT_E_BUSY. */
int torrent_enter(struct torrent *t, struct errbuf *eb);

/* Stores what the torrent was added with, if spratd manages it. The database's error, or INVAL if
 * that can't be stored. */
int torrent_store_wish(struct torrent *t, struct errbuf *eb);

#endif
