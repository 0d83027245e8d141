/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How one limit is divided among several buckets that are filled far from each other: by what each
 * was seen to want of late. A decision only: it knows no clock, no bucket and no loop.
 */
#ifndef PEER_ENGINE_RATESPLIT_H
#define PEER_ENGINE_RATESPLIT_H

#include <stdint.h>

enum {
    RATESPLIT_MAX = 16,   /* buckets */
    RATESPLIT_FLOOR = 64, /* one part in so many of its even share is left to who wants nothing */
    RATESPLIT_STEP = 32,  /* one part in so many: smaller changes are not worth the trouble */
};

/* What one bucket says, or is said of it. */
struct rate_claim {
    uint64_t used;    /* bytes/s that it passed of late */
    uint32_t waiting; /* users that wait for it */
    uint64_t held;    /* bytes/s: what it may still be filled at, whatever it is told now */
};

/* Writes to |shares| how fast each of |n| buckets may be filled from now on. Those in which
 * somebody waits share what the others leave, by the number that waits. Each is 1 at least.
 * Together, and as long as what is held above a lowered share is not given up, they are |limit| at
 * most (and |n| bytes more, where a limit is that low), unless more is held already: what one gives
 * up is another's the next time. */
void ratesplit(uint64_t limit, const struct rate_claim *claims, uint64_t *shares, uint32_t n);

#endif
