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

/* Stores |u| (copied). |fn| is called once, from the loop, when |u| is on disk or has failed. With
 * |fn| NULL, torrent_when_stored() (torrent.h) reports that error. NOMEM, AGAIN: |fn| is never
 * called, and only the caller reports the error. */
int torrent_store(struct torrent *t, const struct state_update *u, torrent_stored_fn fn,
                  void *user);

/* The same for a command that is in effect even if |u| can't be stored, and whose caller goes on
 * with torrent_when_stored(): that reports NOMEM and AGAIN, too. */
void torrent_store_for_command(struct torrent *t, const struct state_update *u);

/* Whether no change is under way. */
bool torrent_has_stored(const struct torrent *t);

#endif
