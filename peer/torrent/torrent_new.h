/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes and frees torrents, both running torrents and torrents at rest.
 */
#ifndef PEER_TORRENT_TORRENT_NEW_H
#define PEER_TORRENT_TORRENT_NEW_H

#include "peer/torrent/torrent_impl.h"

/* Makes a torrent from |add|, with its |enrolment|, whose lock it takes, or with its |row|. */
int torrent_new(struct torrent_env *env, const struct torrent_add *add, struct torrent **out,
                struct errbuf *eb);
/* As torrent_new(), for a torrent at rest with the database row |row|; |add->mi| stays the
 * caller's. |chosen|: the database has a selection of its files. */
int torrent_new_at_rest(struct torrent_env *env, const struct torrent_add *add, bool chosen,
                        struct torrent **out, struct errbuf *eb);
void torrent_free(struct torrent *t);
/* The same for a torrent that its engine could not take: the metainfo stays the caller's. */
void torrent_free_but_metainfo(struct torrent *t);

#endif
