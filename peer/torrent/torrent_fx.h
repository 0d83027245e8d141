/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Carries out the effects of a torrent's core.
 */
#ifndef PEER_TORRENT_TORRENT_FX_H
#define PEER_TORRENT_TORRENT_FX_H

#include "peer/torrent/torrent_impl.h"

void fx_carry_out(struct torrent *t, const struct swarm_effect *fx);

#endif
