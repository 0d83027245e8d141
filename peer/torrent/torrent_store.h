/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Changes of a torrent in the state database, with a result. The database's thread makes them in
 * the order of the calls, and the loop does not wait. The torrent is not freed while a change is
 * under way.
 */
#ifndef PEER_TORRENT_TORRENT_STORE_H
#define PEER_TORRENT_TORRENT_STORE_H

#include "peer/store/state.h"
#include "peer/torrent/torrent.h"

/* Stores |u| (copied). |fn| (may be NULL) is called once, from the loop, when |u| is on disk or has
 * failed. NOMEM, AGAIN: |fn| is never called, and torrent_when_stored() (torrent.h) reports the
 * error. */
int torrent_store(struct torrent *t, const struct state_update *u, torrent_stored_fn fn,
                  void *user);

/* Whether no change is under way. */
bool torrent_has_stored(const struct torrent *t);

#endif
