/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes, starts and drops the core of a torrent. A torrent has a swarm (swarm.h) from the time when
 * its files are known until it rests or reloads, and while it waits for its metainfo, a metafetch
 * (metafetch.h).
 */
#ifndef PEER_TORRENT_TORRENT_CORE_H
#define PEER_TORRENT_TORRENT_CORE_H

#include "peer/torrent/torrent_impl.h"

int core_new(struct torrent *t);
/* Drops the core and all that depends on it; the torrent keeps the core's totals, and its crowd for
 * the next core. */
void core_drop(struct torrent *t);
/* As core_drop(), but the torrent keeps the announcer, which continues. */
void core_put_away(struct torrent *t);
/* Ends a core that has fetched the metainfo, before the torrent's identity changes. Connections are
 * closed, and their addresses can be dialled again at once; the torrent keeps the crowd and the
 * announcer, |with_announces| with its announces under way. */
void core_hand_over(struct torrent *t, bool with_announces);
/* Feeds START: with the verified pieces the first time, and later to end a pause. */
void core_start(struct torrent *t);
/* Feeds START to a core that was halted by a failure that is over. */
void core_resume_after_failure(struct torrent *t);
/* Tells the core which pieces are wanted, unless all are. */
void core_feed_selection(struct torrent *t);
/* Whether the core has all wanted pieces. */
bool core_complete(const struct torrent *t);
/* Sets COMPLETION_WANTED if so. */
void core_note_complete(struct torrent *t);

#endif
