/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How often one address may ask: so many requests a minute after a burst of as many. An address is
 * an IPv4 address or an IPv6 /64, which is what one host or one home has. An IPv6 /48, which
 * anybody can have for the asking, gets THROTTLE_SITE_SHARE times as much in all. The table has a
 * fixed size; where more addresses are busy at once than fit, those that asked least recently are
 * forgotten, which lets them ask more, never less.
 */
#ifndef TRACKER_CORE_THROTTLE_H
#define TRACKER_CORE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"

enum {
    THROTTLE_WAYS = 4, /* addresses of a row, 16 bytes each */
    THROTTLE_RATE_MAX = 1000000,
    THROTTLE_SITE_SHARE = 4,
};

/* How much of the address of a client counts: the whole IPv4 address or the IPv6 /64; or the IPv6
 * /48. */
enum throttle_net { THROTTLE_HOST, THROTTLE_SITE };

struct throttle_way {
    uint32_t tag;    /* more of the address's hash; 0: unused */
    int64_t free_us; /* when all that it asked is paid for (the GCRA's theoretical arrival time) */
};

/* Embedded; private. */
struct throttle {
    struct throttle_way *ways; /* rows × THROTTLE_WAYS; NULL while there is no limit */
    uint32_t rows;
    uint64_t seed[2];
    uint32_t per_minute; /* 0: no limit */
};

/* Room for |rows| × THROTTLE_WAYS addresses, which is taken once a limit is set. */
void throttle_init(struct throttle *t, const uint64_t seed[2], uint32_t rows);
void throttle_fini(struct throttle *t);

/* Requests of a host in a minute; 0: no limit. SPRAT_E_NOMEM, and the limit is as it was. */
int throttle_set(struct throttle *t, uint32_t per_minute);

/* The address of |from|, as far as it counts here, hashed. */
uint64_t throttle_hash(const uint64_t seed[2], const struct endpoint *from, enum throttle_net net);

/* Whether something from |from| that costs as much as |cost| requests is within the limit of its
 * |net|; if it is, it counts. Where a whole burst is less than |cost|, it costs the burst. */
bool throttle_allow(struct throttle *t, const struct endpoint *from, enum throttle_net net,
                    uint32_t cost, struct mono now);

#endif
