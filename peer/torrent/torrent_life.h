/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The life of a torrent: loaded, checked, running, failed, tried again.
 */
#ifndef PEER_TORRENT_TORRENT_LIFE_H
#define PEER_TORRENT_TORRENT_LIFE_H

#include "peer/torrent/torrent_impl.h"

void torrent_on_timer(void *ctx);
void torrent_on_retry(void *ctx);
/* The only writers of the two states (phase.h): an illegal transition is asserted. */
void torrent_set_phase(struct torrent *t, enum torrent_phase phase);
void torrent_set_completion(struct torrent *t, enum torrent_completion step);
/* Looks at the disk, in its turn, then runs unless it is paused. */
void torrent_load(struct torrent *t);
/* What is on disk is known: the core runs, as soon as there is room for what it fetches. */
void torrent_go(struct torrent *t);
void torrent_start(struct torrent *t);
void torrent_fail(struct torrent *t, enum torrent_failure_source source, int err,
                  const char *message);
void torrent_recovered(struct torrent *t, enum torrent_failure_source source);
/* The sentence of the disk's last failure, or without one what |err| means. */
const char *torrent_why(const struct torrent *t, int err);
/* Which names its files can have on disk. */
enum workname_use torrent_worknames(const struct torrent *t);
/* Files were changed under us: what is there is found out anew. */
void torrent_reload_soon(struct torrent *t, int err, const char *why);
/* At the end of each round of the loop in which something happened to it. */
void torrent_turn(struct torrent *t);

#endif
