/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks before a download that its directory can be written to and its disk has enough space.
 */
#ifndef PEER_TORRENT_TORRENT_PREPARE_H
#define PEER_TORRENT_TORRENT_PREPARE_H

#include "peer/torrent/torrent_impl.h"

/* True if nothing is to be checked, or the check of JOB_PREPARE has succeeded in this phase: the
 * core may start. False: JOB_PREPARE has begun, or waits for the retry timer. */
bool prepare_is_done(struct torrent *t);
/* A full disk stopped the torrent: JOB_MEASURE adds the needed and the free space to the failure's
 * sentence. No effect while another job is under way. */
void prepare_explain(struct torrent *t);

#endif
