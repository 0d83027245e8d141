/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leads a torrent through its life: does the step that lifecycle.h names, until there is nothing
 * left to do.
 */
#ifndef PEER_TORRENT_TORRENT_STEPS_H
#define PEER_TORRENT_TORRENT_STEPS_H

#include "peer/torrent/torrent_impl.h"

/* Does the torrent's pending work: the steps of its life, and disk jobs that wait. The engine calls
 * it at the end of each round of the loop in which mark_dirty() was called for the torrent. */
void torrent_do_steps(struct torrent *t);

/* The two timers of a torrent. */
void torrent_on_timer(void *ctx);
void torrent_on_retry(void *ctx);

#endif
