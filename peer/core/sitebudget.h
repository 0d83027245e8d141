/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Budgets for answers to hash requests (BEP 52) and metadata requests (BEP 9), and for waking
 * torrents at rest, per site (endpoint.h) and for all sites together.
 * A request has 53 bytes, may come from a choked peer, and can cost an answer of 262 KB made from
 * thousands of hashes, for which a whole piece is read from disk. The budget belongs to the site,
 * so that a new connection brings no new budget. The torrents of one loop share the budgets. A
 * request beyond the budget gets a HASH_REJECT.
 */
#ifndef PEER_CORE_SITEBUDGET_H
#define PEER_CORE_SITEBUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"

enum { SITEBUDGET_SITES_MAX = 1024 }; /* sites that are remembered; the oldest is forgotten first */

/*  X(NAME, a site's bytes/s, a site's burst in bytes, all sites' bytes/s, all sites' burst)
 *  HASHES: 32 bytes for each hash that is sent, and for each hash that an answer is made from.
 *  READS: bytes of pieces that are read for their leaves.
 *  METADATA: bytes of blocks of info dictionaries.
 *  WAKES: SITEBUDGET_WAKE for each torrent at rest that is loaded because a peer of the site wants
 *  it, or because a tracker names an address of the site: 256 at once, then one a second. */
enum { SITEBUDGET_WAKE = 1000 };

#define SITEBUDGET_TABLE(X)                                                                        \
    X(HASHES, 64 << 10, 4 << 20, 16 << 20, 64 << 20)                                               \
    X(READS, 1 << 20, 64 << 20, 16 << 20, 256 << 20)                                               \
    X(METADATA, 256 << 10, 64 << 20, 16 << 20, 256 << 20)                                          \
    X(WAKES, SITEBUDGET_WAKE, 256 * SITEBUDGET_WAKE, 20 * SITEBUDGET_WAKE,                         \
      16 * 256 * SITEBUDGET_WAKE)

enum sitebudget_kind {
#define X(name, rate, most, all_rate, all_most) SITEBUDGET_##name,
    SITEBUDGET_TABLE(X)
#undef X
    SITEBUDGET_KINDS
};

struct sitebudget;

/* |loops|: the number of loops that share the process's budget evenly. NULL when memory is out. */
struct sitebudget *sitebudget_new(uint32_t loops, const uint64_t seed[2]);
void sitebudget_free(struct sitebudget *b);

/* sitebudget_fits(): whether the budgets of |addr|'s site and of all sites have |bytes| left.
 * sitebudget_charge() uses |bytes|, whether or not they fit. */
bool sitebudget_fits(struct sitebudget *b, enum sitebudget_kind kind, const struct endpoint *addr,
                     uint64_t bytes, struct mono now);
void sitebudget_charge(struct sitebudget *b, enum sitebudget_kind kind,
                       const struct endpoint *addr, uint64_t bytes);

#endif
