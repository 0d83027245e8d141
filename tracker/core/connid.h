/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connection ids of the UDP tracker protocol (BEP 15): proof that whoever sends a request receives
 * at the address it sends from. An id is the time it was made and a MAC over time and address, so
 * that nothing is stored. Knows no packets.
 *
 *  bits   63..48  second of issue, modulo 2^16
 *  bits   47..0   MAC over address, family and full second
 *
 * The MAC's key is derived from a secret and changes every CONNID_KEY_S seconds; the second in the
 * id says which one made it. Trackers with the same secret and clock take each other's ids, and may
 * be some seconds apart.
 */
#ifndef TRACKER_CORE_CONNID_H
#define TRACKER_CORE_CONNID_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/crypto/mac.h"

enum {
    CONNID_LIFE_S = 120, /* BEP 15: a tracker takes an id for two minutes */
    CONNID_AHEAD_S = 5,  /* and one from a machine whose clock is so far ahead */
    CONNID_KEY_S = 600,
};

/* A secret and what was derived from it. */
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
    int64_t old_until_s; /* ids of |old| are taken until then */
};

void connid_init(struct connid *c, const uint8_t secret[MAC_KEY_LEN]);

/* From now on ids are made with another secret; those of the last one are taken for as long as they
 * would have been. The same again changes nothing. */
void connid_set_secret(struct connid *c, const uint8_t secret[MAC_KEY_LEN], struct mono now);

/* An id for the address of |to|; its port plays no part, as clients behind a NAT change it. */
uint64_t connid_make(struct connid *c, const struct endpoint *to, struct mono now);

/* True if |id| was made for the address of |from| at most CONNID_LIFE_S ago, or CONNID_AHEAD_S from
 * now by the clock of who made it. */
bool connid_check(struct connid *c, uint64_t id, const struct endpoint *from, struct mono now);

#endif
