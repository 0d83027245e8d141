/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Limits the requests of one address: a number per minute, after a burst of the same number. An
 * address is an IPv4 address or an IPv6 /64, which one host or one home has. An IPv6 /48, which
 * anybody can get, may send THROTTLE_SITE_SHARE times as many in all. The table has a fixed size.
 * If more addresses are busy at once than fit, the least recent ones are forgotten, which allows
 * them more requests, never fewer.
 */
#ifndef TRACKER_CORE_THROTTLE_H
#define TRACKER_CORE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"

enum {
    THROTTLE_WAYS = 4, /* entries of a row, 16 bytes each */
    THROTTLE_RATE_MAX = 1000000,
    THROTTLE_SITE_SHARE = 4,
};

/* The part of an address that a limit applies to: the whole IPv4 address or the IPv6 /64; or the
 * IPv6 /48. */
enum throttle_net { THROTTLE_HOST, THROTTLE_SITE };

struct throttle_way {
    uint32_t tag;    /* more of the address's hash; 0: unused */
    int64_t free_us; /* the theoretical arrival time of the GCRA */
};

/* Embedded; private. */
struct throttle {
    struct throttle_way *ways; /* rows × THROTTLE_WAYS; NULL while there is no limit */
    uint32_t rows;
    uint64_t seed[2];
    uint32_t per_minute; /* 0: no limit */
};

/* A table of |rows| × THROTTLE_WAYS entries, which is allocated when a limit is set. */
void throttle_init(struct throttle *t, const uint64_t seed[2], uint32_t rows);
void throttle_fini(struct throttle *t);

/* Sets the number of requests per minute; 0: no limit. After SPRAT_E_NOMEM the limit is unchanged.
 */
int throttle_set(struct throttle *t, uint32_t per_minute);

/* Hashes the part of the address of |from| that |net| uses. */
uint64_t throttle_hash(const uint64_t seed[2], const struct endpoint *from, enum throttle_net net);

/* Whether a request from |from| that counts like |cost| requests is within the limit of its |net|;
 * if so, it is counted. If |cost| is more than a whole burst, it counts like the burst. */
bool throttle_allow(struct throttle *t, const struct endpoint *from, enum throttle_net net,
                    uint32_t cost, struct mono now);

#endif
