/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What wakes a torrent at rest: a peer, the user, or addresses that a tracker, the
 * DHT or the local network names.
 */
#ifndef PEER_TORRENT_TORRENT_WAKE_H
#define PEER_TORRENT_TORRENT_WAKE_H

#include "peer/torrent/torrent_impl.h"

/* A peer or the user needs the torrent: a torrent whose goal is REST is to run. No effect on
 * others. */
void torrent_wake(struct torrent *t);
/* Whether the torrent is being loaded or prepared, or will be, and then runs: a peer that connects
 * is kept until then. */
bool torrent_is_coming(const struct torrent *t);
/* Charges the site of |peer| for waking the torrent: false if the site has woken too many. */
bool torrent_wake_charge(struct torrent *t, const struct endpoint *peer);
/* The result of an announce of a torrent without a core. The addresses may wake the torrent. */
void torrent_wake_on_announced(struct torrent *t, uint32_t job, const struct announce_result *res,
                               const struct endpoint *addrs, size_t count);
/* |source| named addresses of peers, which may wake the torrent. */
void torrent_wake_on_found(struct torrent *t, enum peer_source source, const struct endpoint *addrs,
                           size_t count);
/* The torrent is put to rest: was it woken for nothing? */
void torrent_wake_note_outcome(struct torrent *t, uint64_t uploaded);

#endif
