/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compact endpoints (BEP 5, 7, 11, 15, 23): address and port in network order, 6 bytes for IPv4 and
 * 18 for IPv6, and lists of them. Independent of trackers, DHT and sockaddr.
 *
 *  offset  IPv4 size  IPv6 size
 *  0       4          16         address
 *  4 / 16  2          2          port
 */
#ifndef COMMON_CODEC_COMPACT_H
#define COMMON_CODEC_COMPACT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"

enum { COMPACT_V4_LEN = 6, COMPACT_V6_LEN = 18 };

static inline size_t
compact_len(enum ip_family family)
{
    return family == IP_V4 ? COMPACT_V4_LEN : COMPACT_V6_LEN;
}

/* Writes |e|, whose family must be IP_V4 or IP_V6, and returns its length, 6 or 18 bytes. */
size_t compact_put(uint8_t *dst, const struct endpoint *e);

/* Reads one endpoint of 6 or 18 bytes. An IPv4-mapped IPv6 address becomes IP_V4. */
void compact_get(struct endpoint *e, const uint8_t *src, enum ip_family family);

/* Reads a list into |out| and returns the number of endpoints, at most |max|. Entries with port 0
 * or an all-zero address are left out, since no connection to them is possible, and so is an
 * incomplete entry at the end. */
size_t compact_get_list(struct endpoint *out, size_t max, const uint8_t *src, size_t len,
                        enum ip_family family);

#endif
