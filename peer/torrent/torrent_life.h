/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leads a torrent through its life: loads and checks it, runs it, and retries after failures.
 */
#ifndef PEER_TORRENT_TORRENT_LIFE_H
#define PEER_TORRENT_TORRENT_LIFE_H

#include "peer/torrent/torrent_impl.h"

void torrent_on_timer(void *ctx);
void torrent_on_retry(void *ctx);
/* Only these functions write the two states (phase.h), and they assert that the step is legal. */
void torrent_set_phase(struct torrent *t, enum torrent_phase phase);
void torrent_set_completion(struct torrent *t, enum torrent_completion step);
/* Queues the torrent for loading: the files are checked, then the torrent runs unless it is paused.
 */
void torrent_load(struct torrent *t);
/* The verified pieces are known: the core starts as soon as the disk has space for the rest. */
void torrent_go(struct torrent *t);
void torrent_start(struct torrent *t);
void torrent_fail(struct torrent *t, enum torrent_failure_source source, int err,
                  const char *message);
void torrent_recovered(struct torrent *t, enum torrent_failure_source source);
/* The sentence of the disk's last failure, or the general text of |err| if there is none. */
const char *torrent_why(const struct torrent *t, int err);
/* Which names the torrent's files can have on disk. */
enum workname_use torrent_worknames(const struct torrent *t);
/* Another program changed files: the torrent is loaded and checked again soon. */
void torrent_reload_soon(struct torrent *t, int err, const char *why);
/* Does the torrent's pending work. The engine calls it at the end of each round of the loop in
 * which mark_dirty() was called for the torrent. */
void torrent_turn(struct torrent *t);

#endif
