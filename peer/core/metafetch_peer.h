/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The connections of metafetch: how they begin and end, and the messages of peers.
 */
#ifndef PEER_CORE_METAFETCH_PEER_H
#define PEER_CORE_METAFETCH_PEER_H

#include "peer/core/metafetch_impl.h"

/* Dials the addresses that the crowd chooses. */
void fetch_dial(struct metafetch *m);
/* ACCEPTED, and inputs about one peer, which are ignored if the peer is gone. */
void fetch_on_accepted(struct metafetch *m, const struct swarm_input *in);
void fetch_on_peer_input(struct metafetch *m, const struct swarm_input *in);
/* Housekeeping of all connections, about twice a second. */
void fetch_tick_peers(struct metafetch *m);
/* Closes and frees the doomed connections. */
void fetch_reap(struct metafetch *m);
void fetch_doom_all(struct metafetch *m, int err);
/* The core ends: frees all connections without effects. */
void fetch_drop_peers(struct metafetch *m);
/* What the crowd must know of a connection (struct crowd_user). */
void fetch_view(const void *metafetch, const struct crowd_peer *at, struct crowd_view *v);

#endif
