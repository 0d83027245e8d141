/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sites and networks of DHT nodes as numbers. A site is what one party certainly controls: an IPv4
 * address, or an IPv6 /64. A network is what one party can cheaply control: an IPv4 /24, or an IPv6
 * /48. The routing table and the lookups take one node per site and prefer different networks, so
 * that ids alone do not buy influence.
 *
 * In a private network each address is a network of its own, and on this machine each port is: no
 * stranger can use those addresses.
 */
#ifndef PEER_CORE_DHT_NET_H
#define PEER_CORE_DHT_NET_H

#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"

/* Equal for two endpoints of the same family if they belong to the same site. */
static inline uint64_t
dht_site(const struct endpoint *e)
{
    enum ip_scope scope = endpoint_scope(e);
    uint64_t high = get_u64be(e->ip), low = get_u64be(e->ip + 8);

    if (e->family == IP_V4)
        return scope == SCOPE_LOOPBACK ? high | e->port : high;
    if (scope == SCOPE_GLOBAL)
        return high;
    return (high << 7 | high >> 57) ^ low ^ (scope == SCOPE_LOOPBACK ? (uint64_t)e->port << 32 : 0);
}

/* Equal for two endpoints of the same family if they belong to the same network. */
static inline uint64_t
dht_network(const struct endpoint *e)
{
    if (endpoint_scope(e) != SCOPE_GLOBAL)
        return dht_site(e);
    return get_u64be(e->ip) & (e->family == IP_V4 ? UINT64_C(0xffffff00) << 32 : ~UINT64_C(0xffff));
}

#endif
