/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The canonical allowed-fast set of BEP 6: pieces that a choked newcomer may fetch, the same from
 * every peer that it asks, so that it can't collect more by reconnecting.
 */
#ifndef PEER_CORE_FASTSET_H
#define PEER_CORE_FASTSET_H

#include <stdint.h>

#include "common/base/endpoint.h"

enum { FASTSET_SIZE = 10 };

/* Writes up to |max| distinct pieces for the peer at |addr| and returns how many; 0 for an IPv6
 * peer, for which BEP 6 defines none, and for torrents of less than |max| pieces. */
uint32_t fastset(const uint8_t info_hash[20], const struct endpoint *addr, uint32_t piece_count,
                 uint32_t max, uint32_t *pieces);

#endif
