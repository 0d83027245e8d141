/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scopes are ordered from far to near.
 */
#include "peer/core/dht_hearsay.h"

static bool
is_host(const struct endpoint *e)
{
    static const uint8_t zero[16];

    if (e->family == IP_V4)
        return e->ip[0] != 0 && e->ip[0] < 224; /* not "this network", multicast or reserved */
    return e->ip[0] != 0xff && memcmp(e->ip, zero, sizeof(zero)) != 0;
}

bool
dht_hearsay_ok(const struct endpoint *named, const struct endpoint *by)
{
    return is_host(named) && named->port >= DHT_PORT_MIN && !endpoint_is_link_local(named) &&
           endpoint_scope(named) <= endpoint_scope(by);
}
