/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which addresses are dialled, and when.
 */
#ifndef PEER_CORE_SWARM_DIAL_H
#define PEER_CORE_SWARM_DIAL_H

#include "peer/core/swarm_impl.h"

/* Dials the addresses that are due, within the limits. */
void dial_due(struct swarm *s);
/* When the next address can be dialled; MONO_NEVER while there is none or no free connection. */
struct mono dial_expiry(const struct swarm *s);
/* As dial_expiry(), whether or not a connection is free. */
struct mono dial_candidate_expiry(const struct swarm *s);

#endif
