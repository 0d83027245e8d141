/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which of our addresses a connection leaves from: one that we listen on, so that others see the
 * address that we listen on.
 */
#ifndef PEER_NET_SOURCE_H
#define PEER_NET_SOURCE_H

#include "common/base/endpoint.h"
#include "common/sys/addr.h"

/* Family IP_NONE: nothing listens in that family; the wildcard: on all addresses. */
struct source {
    struct endpoint v4, v6;
};

static inline const struct endpoint *
source_of_family(const struct source *s, unsigned family)
{
    return family == IP_V4 ? &s->v4 : &s->v6;
}

/* The address to bind before talking to |to|, with port 0; NULL where the kernel shall choose. From
 * a loopback address nothing but loopback can be reached, so there it is left out. */
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
