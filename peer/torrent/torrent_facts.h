/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Facts of a torrent that need no decision; torrent.h has the others of this file.
 */
#ifndef PEER_TORRENT_TORRENT_FACTS_H
#define PEER_TORRENT_TORRENT_FACTS_H

#include "peer/torrent/torrent_impl.h"

/* The torrent's announcer, which the core has while there is one. */
const struct announcer *torrent_announcer(const struct torrent *t);
/* The addresses that the core knows; NULL without a core. */
const struct peerlist *torrent_peerlist(const struct torrent *t);
/* The facts of the torrent |add|, for torrent_env_calls.exchange_facts(). NOMEM. */
int torrent_facts_init(struct torrent_facts *f, const struct torrent_add *add);

/* Whether the DHT and the local network may know of the torrent (BEP 27). */
bool torrent_may_be_told(const struct torrent *t);
/* The port of our DHT node that the torrent's peers may know; 0: none (BEP 27). */
uint16_t torrent_dht_port(const struct torrent *t);

#endif
