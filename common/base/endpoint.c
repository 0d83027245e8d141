/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Scopes of addresses, and the site of an endpoint.
 */
#include "common/base/endpoint.h"

static enum ip_scope
scope_v4(const uint8_t ip[4])
{
    if (ip[0] == 127)
        return SCOPE_LOOPBACK;
    if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
        (ip[0] == 169 && ip[1] == 254) || (ip[0] == 100 && (ip[1] & 0xc0) == 64))
        return SCOPE_LOCAL;
    return SCOPE_GLOBAL;
}

static enum ip_scope
scope_v6(const uint8_t ip[16])
{
    static const uint8_t loopback[16] = {[15] = 1};

    if (memcmp(ip, loopback, sizeof(loopback)) == 0)
        return SCOPE_LOOPBACK;
    if ((ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0x80) == 0x80))
        return SCOPE_LOCAL;
    return SCOPE_GLOBAL;
}

void
endpoint_set_ipv6(struct endpoint *e, const uint8_t ip[16])
{
    static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

    memset(e->ip, 0, sizeof(e->ip));
    if (memcmp(ip, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        e->family = IP_V4;
        memcpy(e->ip, ip + sizeof(mapped_prefix), 4);
    } else {
        e->family = IP_V6;
        memcpy(e->ip, ip, 16);
    }
}

enum ip_scope
endpoint_scope(const struct endpoint *e)
{
    return e->family == IP_V4 ? scope_v4(e->ip) : scope_v6(e->ip);
}

struct endpoint
endpoint_site(const struct endpoint *e)
{
    struct endpoint site = *e;

    site.port = 0;
    if (e->family == IP_V6 && endpoint_scope(e) == SCOPE_GLOBAL)
        memset(site.ip + 8, 0, 8);
    return site;
}
