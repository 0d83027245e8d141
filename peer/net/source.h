/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The source address of outgoing connections: an address that this process listens on, so that
 * peers and trackers see the listening address.
 */
#ifndef PEER_NET_SOURCE_H
#define PEER_NET_SOURCE_H

#include "common/base/endpoint.h"
#include "common/sys/addr.h"

/* The listening addresses by family. Family IP_NONE: no listener in that family; the wildcard: a
 * listener on all addresses. */
struct source {
    struct endpoint v4, v6;
};

static inline const struct endpoint *
source_of_family(const struct source *s, unsigned family)
{
    return family == IP_V4 ? &s->v4 : &s->v6;
}

/* The address to bind before connecting to |to|, with port 0; NULL if the kernel chooses it. A
 * socket bound to a loopback address reaches only loopback, so a loopback address is used for
 * loopback only. */
static inline const struct endpoint *
source_for(const struct source *s, const struct endpoint *to)
{
    const struct endpoint *from = source_of_family(s, to->family);

    if (from->family == IP_NONE || addr_is_any(from) ||
        (addr_is_loopback(from) && !addr_is_loopback(to)))
        return NULL;
    return from;
}

#endif
