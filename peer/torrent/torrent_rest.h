/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Seeds at rest: a seed with which no peer wants to exchange anything has no core, storage,
 * metainfo and lock, and is still announced.
 */
#ifndef PEER_TORRENT_TORRENT_REST_H
#define PEER_TORRENT_TORRENT_REST_H

#include "peer/torrent/torrent_impl.h"

/* Whether the torrent rests, or is about to rest. */
bool torrent_is_resting(const struct torrent *t);
/* Puts the torrent to rest if it has been idle long enough; returns the time when that will be. */
struct mono torrent_rest_if_idle(struct torrent *t);
/* The storage is closed: the torrent rests from now on. */
void torrent_rest_begin(struct torrent *t);
/* A peer or the user needs the torrent: loads it. No effect if the torrent does not rest, or is
 * paused or stopping. */
void torrent_wake(struct torrent *t);
/* Charges the site of |peer| for waking the torrent: false if the site has woken too many. */
bool torrent_rest_charge(struct torrent *t, const struct endpoint *peer);
/* Sends the due announces of a torrent at rest. */
void torrent_rest_announce(struct torrent *t);
void torrent_rest_pause(struct torrent *t, bool paused);
void torrent_rest_stop(struct torrent *t);
void torrent_rest_stop_go_on(struct torrent *t);
void torrent_rest_on_announced(struct torrent *t, uint32_t job, const struct announce_result *res,
                               const struct endpoint *addrs, size_t count);
/* The core has started: feeds the addresses that announces found during the rest. */
void torrent_rest_feed_found(struct torrent *t);
/* The look at the files has ended: |same| says whether they are unchanged since spratd last ran. */
void torrent_rest_on_look(void *torrent, bool same);
/* Drops the metainfo and have-bits that torrent_need_metainfo() loaded for an answer. */
void torrent_rest_trim(struct torrent *t);

#endif
