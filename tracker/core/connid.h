/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connection ids of the UDP tracker protocol (BEP 15): proof that the sender of a request receives
 * packets at its source address. An id has the time at which it was made and a MAC over time and
 * address, so the tracker stores nothing. Knows no packets.
 *
 *  bits   63..48  second of issue, modulo 2^16
 *  bits   47..0   MAC over address, family and full second
 *
 * The key of the MAC is derived from a secret and changes every CONNID_KEY_S seconds; the second in
 * the id tells which key made it. Trackers with the same secret accept each other's ids; their
 * clocks may differ by a few seconds.
 */
#ifndef TRACKER_CORE_CONNID_H
#define TRACKER_CORE_CONNID_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/crypto/mac.h"

enum {
    CONNID_LIFE_S = 120, /* BEP 15: a tracker accepts an id for two minutes */
    CONNID_AHEAD_S = 5,  /* and an id of a tracker whose clock is so far ahead */
    CONNID_KEY_S = 600,
};

/* A secret, and keys derived from it. */
struct connid_keys {
    uint8_t secret[MAC_KEY_LEN];
    struct {
        int64_t epoch; /* -1: not derived yet */
        uint8_t key[MAC_KEY_LEN];
    } keys[2]; /* by the parity of the epoch */
};

/* Embedded; private. */
struct connid {
    struct connid_keys keys, old;
    int64_t old_until_s; /* ids of |old| are accepted until then */
};

void connid_init(struct connid *c, const uint8_t secret[MAC_KEY_LEN]);

/* Makes ids with another secret from now on; ids of the last secret stay valid for their lifetime.
 * Setting the same secret again changes nothing. */
void connid_set_secret(struct connid *c, const uint8_t secret[MAC_KEY_LEN], struct mono now);

/* Makes an id for the address of |to|. The port is not part of it, since a NAT may change it. */
uint64_t connid_make(struct connid *c, const struct endpoint *to, struct mono now);

/* True if |id| was made for the address of |from| at most CONNID_LIFE_S ago, or by a tracker whose
 * clock is at most CONNID_AHEAD_S ahead. */
bool connid_check(struct connid *c, uint64_t id, const struct endpoint *from, struct mono now);

#endif
