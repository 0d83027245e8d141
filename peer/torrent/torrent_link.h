/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A magnet link as the arguments of adding a torrent (struct torrent_add).
 */
#ifndef PEER_TORRENT_TORRENT_LINK_H
#define PEER_TORRENT_TORRENT_LINK_H

#include "common/base/hex.h"
#include "common/codec/magnet.h"
#include "peer/torrent/torrent.h"

/* Embedded; owns all that the arguments point to. */
struct torrent_link {
    struct magnet *magnet;
    const char *name; /* for people: that of the link, or its info-hash in hex */
    char hash_name[HEX_SIZE(INFO_HASH_V2_LEN)];
    char *peers[MAGNET_PEERS_MAX]; /* "HOST:PORT", as many as |magnet| has */
    char *only;                    /* as torrent_add.only */
};

/* Parses |text|. The errors of magnet_parse(), with a sentence; then |l| holds nothing. */
int torrent_link_init(struct torrent_link *l, const char *text, struct errbuf *eb);
/* A zeroed |l| is legal. */
void torrent_link_fini(struct torrent_link *l);

/* Fills in the identity, the name, the chosen files, the web seeds, and whether the link says that
 * only trackers may name peers. The caller adds trackers and peers to its own. */
void torrent_link_fill(const struct torrent_link *l, struct torrent_add *add);

#endif
