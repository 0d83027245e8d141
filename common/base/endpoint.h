/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An IP address and port: plain bytes in network order, no sockaddr. Formatting, parsing and the
 * conversion to and from a sockaddr are in common/sys/addr.h.
 */
#ifndef COMMON_BASE_ENDPOINT_H
#define COMMON_BASE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum ip_family {
    IP_NONE = 0,
    IP_V4 = 4,
    IP_V6 = 6,
};

/* Bytes of |ip| after the address's length are always zero, so that equal endpoints compare equal
 * with memcmp() on |ip|. An IPv4-mapped IPv6 address is always stored as IP_V4. */
struct endpoint {
    uint8_t ip[16];
    uint16_t port; /* host order */
    uint8_t family;
    uint32_t zone; /* the interface number of a link-local IPv6 address (RFC 4007), needed to
                      connect to it; 0: none. The number has no meaning on other machines. */
};

static inline bool
endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->port == b->port && a->zone == b->zone &&
           memcmp(a->ip, b->ip, 16) == 0;
}

/* Sets family and address of |e| from the 16 bytes of an IPv6 address. An IPv4-mapped address
 * (RFC 4291, 2.5.5.2) becomes IP_V4. */
void endpoint_set_ipv6(struct endpoint *e, const uint8_t ip[16]);

/* The scope of an address: it can be reached from everywhere; only from its own network (private
 * and link-local addresses, RFC 1918, 3927, 4193, 4291, 6598); or only from its own machine. */
enum ip_scope { SCOPE_GLOBAL, SCOPE_LOCAL, SCOPE_LOOPBACK };

enum ip_scope endpoint_scope(const struct endpoint *e);

/* The site of an endpoint, that is the addresses that one party can be assumed to control: one IPv4
 * address, or an IPv6 /64 network, in which a host can use any address. The port is 0. */
struct endpoint endpoint_site(const struct endpoint *e);

static inline bool
endpoint_same_host(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->zone == b->zone && memcmp(a->ip, b->ip, 16) == 0;
}

/* True for fe80::/10. Many networks use the same link-local addresses, so a zone has to tell them
 * apart. */
static inline bool
endpoint_is_link_local(const struct endpoint *e)
{
    return e->family == IP_V6 && e->ip[0] == 0xfe && (e->ip[1] & 0xc0) == 0x80;
}

static inline unsigned
endpoint_ip_len(const struct endpoint *e)
{
    return e->family == IP_V4 ? 4 : 16;
}

#endif
