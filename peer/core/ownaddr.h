/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our own public address: the one that most of the recent peers report as "yourip" (BEP 10), with
 * one vote per site, separately for IPv4 and IPv6. Peers may lie, so only the order of otherwise
 * equal peers depends on the address. A change makes the peer list sort itself again, so the
 * address changes at most once per OWNADDR_CHANGE_MS, however often peers change their reports.
 */
#ifndef PEER_CORE_OWNADDR_H
#define PEER_CORE_OWNADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"

enum {
    OWNADDR_VOTES = 8,
    OWNADDR_CHANGE_MS = 60000, /* shortest time between two changes */
};

/* Embedded; private. */
struct ownaddr {
    uint16_t port;
    struct ownaddr_family {
        struct ownaddr_vote {
            struct endpoint voter, says;
        } votes[OWNADDR_VOTES]; /* a ring */
        unsigned count, turn;
        struct endpoint chosen;
        struct mono chosen_at;
    } families[2];
};

/* |port|: our listen port. */
void ownaddr_init(struct ownaddr *o, uint16_t port);

/* |voter| reports our address as |says|, whose family may be IP_NONE. True if our address changed.
 * A vote too soon after a change counts, but changes nothing before the next vote. */
bool ownaddr_vote(struct ownaddr *o, const struct endpoint *voter, const struct endpoint *says,
                  struct mono now);

/* Our address with our listen port; family IP_NONE if no peer reported one. */
const struct endpoint *ownaddr_get(const struct ownaddr *o, enum ip_family family);

#endif
