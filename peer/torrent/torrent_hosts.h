/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The payload bytes that a torrent exchanged with each host in this session, for reports.
 */
#ifndef PEER_TORRENT_TORRENT_HOSTS_H
#define PEER_TORRENT_TORRENT_HOSTS_H

#include "peer/torrent/torrent_impl.h"

void hosts_init(struct torrent *t);
/* The entry of |peer|'s host, made if there is none. Valid until hosts_fini(). */
struct host *hosts_of(struct torrent *t, const struct endpoint *peer);
void hosts_fini(struct torrent *t);

#endif
