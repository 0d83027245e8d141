/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Canonical peer priority (BEP 40): a number for a pair of peers that both of them, and everybody
 * else, compute alike. Who has more candidates than connections prefers those of high priority, so
 * that the swarm's graph comes out as if it were drawn at random, and a newcomer has the same
 * chance as who came first.
 */
#ifndef PEER_CORE_PEERPRIO_H
#define PEER_CORE_PEERPRIO_H

#include <stdint.h>

#include "common/base/endpoint.h"

/* The same for (|a|, |b|) and (|b|, |a|). Ports count where the addresses are the same only: they
 * are those where the two listen. 0 if the families differ: that is no pair. */
uint32_t peerprio(const struct endpoint *a, const struct endpoint *b);

#endif
