/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What answers to hash requests (BEP 52) may cost, for each site (endpoint.h) and for all of them
 * together. A request is 53 bytes, also from a choked peer; its answer can be 262 KB, made from
 * thousands of hashes, for which a whole piece is read from disk. The budget belongs to the site
 * and not to the connection, so that a new connection is no new budget. The torrents of one loop
 * share it. What does not fit is refused with a HASH_REJECT.
 */
#ifndef PEER_CORE_SITEBUDGET_H
#define PEER_CORE_SITEBUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"

enum { SITEBUDGET_SITES_MAX = 1024 }; /* that are remembered; the oldest is forgotten first */

/*  X(NAME, a site's bytes/s, its bytes at once, bytes/s of all sites of a process, at once)
 *  HASHES: 32 bytes for each hash that is sent, and for each that an answer is made from.
 *  READS: bytes of pieces that are read for their leaves. */
#define SITEBUDGET_TABLE(X)                                                                        \
    X(HASHES, 64 << 10, 4 << 20, 16 << 20, 64 << 20)                                               \
    X(READS, 1 << 20, 64 << 20, 16 << 20, 256 << 20)

enum sitebudget_kind {
#define X(name, rate, most, all_rate, all_most) SITEBUDGET_##name,
    SITEBUDGET_TABLE(X)
#undef X
    SITEBUDGET_KINDS
};

struct sitebudget;

/* |loops| is how many of them share the process's part. NULL when memory is out. */
struct sitebudget *sitebudget_new(uint32_t loops, const uint64_t seed[2]);
void sitebudget_free(struct sitebudget *b);

/* Whether the site of |addr| may use |bytes| now; and uses them. */
bool sitebudget_fits(struct sitebudget *b, enum sitebudget_kind kind, const struct endpoint *addr,
                     uint64_t bytes, struct mono now);
void sitebudget_charge(struct sitebudget *b, enum sitebudget_kind kind,
                       const struct endpoint *addr, uint64_t bytes);

#endif
