/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Canonical peer priority (BEP 40): a number for a pair of peers that every peer computes alike. A
 * peer with more candidates than connections prefers those of high priority. Thus the connections
 * of the swarm form a random graph, and a new peer has the same chance as an old one.
 */
#ifndef PEER_CORE_PEERPRIO_H
#define PEER_CORE_PEERPRIO_H

#include <stdint.h>

#include "common/base/endpoint.h"

/* Symmetric in |a| and |b|. The (listen) ports count only if the addresses are equal. 0 if the
 * families differ. */
uint32_t peerprio(const struct endpoint *a, const struct endpoint *b);

#endif
