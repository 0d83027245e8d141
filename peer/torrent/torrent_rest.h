/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Seeds at rest: a seed with which no peer wants to exchange anything has no core, storage,
 * metainfo and lock, and is still announced. torrent_wake.h has what ends a rest.
 */
#ifndef PEER_TORRENT_TORRENT_REST_H
#define PEER_TORRENT_TORRENT_REST_H

#include "peer/torrent/torrent_impl.h"

/* Sets the goal REST if the torrent has been idle long enough; returns the time when that will be,
 * MONO_NEVER while it may not rest. */
struct mono rest_if_idle(struct torrent *t);
/* RUNNING: saves the totals and puts the core away; RETIRING follows. */
void rest_retire(struct torrent *t);
/* RETIRING: the storage is closed; RESTING follows. */
void rest_begin(struct torrent *t);
/* Starts or stops the announces of a torrent at rest, as the user's wish is. */
void rest_follow_user(struct torrent *t);
/* RESTING and STOPPING: sends the due announces of a torrent without a core. */
void rest_announce(struct torrent *t);
/* The look at the files has ended: |same| says whether they are unchanged since spratd last ran. */
void rest_on_look(void *torrent, bool same);
/* Drops the metainfo and have-bits that torrent_need_metainfo() loaded for an answer. */
void rest_trim(struct torrent *t);

#endif
