/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The failure that a torrent has, if any: what the user hears of it, and when the next attempt is
 * made.
 */
#ifndef PEER_TORRENT_TORRENT_FAILURE_H
#define PEER_TORRENT_TORRENT_FAILURE_H

#include "peer/torrent/torrent_impl.h"

/* The torrent has the failure |err| of |source|, which |message| explains. If such a failure may
 * pass, the retry timer is set. */
void torrent_fail(struct torrent *t, enum torrent_failure_source source, int err,
                  const char *message);
/* |source| has succeeded: its failure is over. */
void torrent_recovered(struct torrent *t, enum torrent_failure_source source);
/* Forgets the failure without a word: the user wants an attempt now. */
void torrent_clear_failure(struct torrent *t);
/* The retry timer has fired: the next attempts may begin, and the timer is set again. */
void torrent_on_retry_time(struct torrent *t);
/* True if an attempt after a failure of |source| has to wait for the retry timer. */
bool torrent_failure_holds(const struct torrent *t, enum torrent_failure_source source);

/* Remembers the sentence of a failed disk job; and the sentence that was remembered last, or the
 * general text of |err|. */
void torrent_remember_why(struct torrent *t, int err, const char *why);
const char *torrent_last_why(const struct torrent *t, int err);

/* Another program changed files: the torrent is loaded and checked again soon. */
void torrent_reload_soon(struct torrent *t, int err, const char *why);

#endif
