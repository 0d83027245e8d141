/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who we are to the others: the address that most of the last few peers say that they see us at
 * (BEP 10's "yourip"), one vote a site, each family by itself. A hint that liars may bend: nothing
 * but the order of equals hangs on it. A change makes the peer list sort itself anew, so the
 * address changes at most once per OWNADDR_CHANGE_MS, however often peers change what they say.
 */
#ifndef PEER_CORE_OWNADDR_H
#define PEER_CORE_OWNADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"

enum {
    OWNADDR_VOTES = 8,
    OWNADDR_CHANGE_MS = 60000, /* after a change, the address stays for so long */
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

/* |port| is where we listen. */
void ownaddr_init(struct ownaddr *o, uint16_t port);

/* |voter| sees us at |says|, whose family may be IP_NONE. True if that changed who we are. A vote
 * that comes too soon after a change counts, and changes nothing before the next vote. */
bool ownaddr_vote(struct ownaddr *o, const struct endpoint *voter, const struct endpoint *says,
                  struct mono now);

/* With the port where we listen; IP_NONE if nobody said. */
const struct endpoint *ownaddr_get(const struct ownaddr *o, enum ip_family family);

#endif
