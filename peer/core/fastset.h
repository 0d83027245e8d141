/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The canonical allowed-fast set (BEP 6): pieces that a new peer may fetch while it is choked. The
 * set depends on the peer's address only, so that the peer gets no more pieces by reconnecting.
 */
#ifndef PEER_CORE_FASTSET_H
#define PEER_CORE_FASTSET_H

#include <stdint.h>

#include "common/base/endpoint.h"

enum { FASTSET_SIZE = 10 };

/* Writes up to |max| distinct pieces for the peer at |addr| and returns their number; 0 for an IPv6
 * peer, for which BEP 6 defines no set, and for torrents with fewer than |max| pieces. */
uint32_t fastset(const uint8_t info_hash[20], const struct endpoint *addr, uint32_t piece_count,
                 uint32_t max, uint32_t *pieces);

#endif
