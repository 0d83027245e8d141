/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A seed that nobody wants anything of rests: it has no core, storage, metainfo and lock, and is
 * announced all the same.
 */
#ifndef PEER_TORRENT_TORRENT_REST_H
#define PEER_TORRENT_TORRENT_REST_H

#include "peer/torrent/torrent_impl.h"

/* Whether it is, or is about to be, at rest. */
bool torrent_is_resting(const struct torrent *t);
/* Puts it to rest when the time for that has come; says when that will be. */
struct mono torrent_rest_if_idle(struct torrent *t);
/* Its storage is closed. */
void torrent_rest_begin(struct torrent *t);
/* Somebody wants something of it: loads it. Nothing if it does not rest,
 * or is paused or stopping. */
void torrent_wake(struct torrent *t);
/* Charges the site of |peer| for waking the torrent: false if the site has woken too many. */
bool torrent_rest_charge(struct torrent *t, const struct endpoint *peer);
/* Announces of one at rest that are due. */
void torrent_rest_announce(struct torrent *t);
void torrent_rest_pause(struct torrent *t, bool paused);
void torrent_rest_stop(struct torrent *t);
void torrent_rest_stop_go_on(struct torrent *t);
void torrent_rest_on_announced(struct torrent *t, uint32_t job, const struct announce_result *res,
                               const struct endpoint *addrs, size_t count);
/* The core has begun: it is told of whom an announce found before. */
void torrent_rest_feed_found(struct torrent *t);
/* Its files are, or are not, as they were when spratd last ran. */
void torrent_rest_on_look(void *torrent, bool same);
/* What was only needed to answer somebody is dropped. */
void torrent_rest_trim(struct torrent *t);

#endif
