/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many announces of local service discovery are read, and how many peers are taken from them:
 * per sender address and in all. Senders that the table can't tell apart share their part; a secret
 * key decides which ones, so nobody can choose whose part to use up.
 */
#ifndef PEER_CORE_LSD_LIMITS_H
#define PEER_CORE_LSD_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "peer/core/allowance.h"

enum {
    LSD_SENDERS = 256,        /* rows of the table */
    LSD_SENDER_PACKETS = 240, /* datagrams of one sender that are read per minute; some clients
                                 send one for each torrent */
    LSD_SENDER_PEERS = 60,    /* peers of one sender that are taken per minute: one for each
                                 info-hash that we have */
    LSD_PACKETS = 2400,       /* datagrams of all senders that are read per minute */
    LSD_PEERS = 600,          /* peers of all senders that are taken per minute */
};

/* Embedded; private. */
struct lsd_limits {
    uint64_t key[2];
    struct lsd_sender {
        struct allowance packets, peers;
    } senders[LSD_SENDERS], all;
};

void lsd_limits_init(struct lsd_limits *l, const uint64_t key[2]);

/* A datagram of |from| came, or names an info-hash that we have: true if it may be read, or the
 * peer be taken. */
bool lsd_limits_packet(struct lsd_limits *l, const struct endpoint *from, struct mono now);
bool lsd_limits_peer(struct lsd_limits *l, const struct endpoint *from, struct mono now);

#endif
