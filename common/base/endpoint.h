/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An IP address and port as the cores see it: plain bytes in network order, no sockaddr.
 * Formatting, parsing and the way to and from a sockaddr are in common/sys/addr.h.
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

/* Bytes behind the address's length are always zero, so that equal endpoints compare equal with
 * memcmp on |ip|. An IPv4-mapped IPv6 address is always stored as IP_V4. */
struct endpoint {
    uint8_t ip[16];
    uint16_t port; /* host order */
    uint8_t family;
    uint32_t zone; /* of a link-local IPv6 address: the number of the interface (RFC 4007), without
                      which nobody can connect to it; 0: none. It means nothing on other
                      machines. */
};

static inline bool
endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->port == b->port && a->zone == b->zone &&
           memcmp(a->ip, b->ip, 16) == 0;
}

/* From where an address can be reached: from everywhere; from its own network only (private and
 * link-local ones, RFC 1918, 3927, 4193, 4291, 6598); from its own machine only. */
enum ip_scope { SCOPE_GLOBAL, SCOPE_LOCAL, SCOPE_LOOPBACK };

enum ip_scope endpoint_scope(const struct endpoint *e);

/* What one party can be taken to hold: an IPv4 address, or a global IPv6 network of 64 bits, in
 * which a host makes up addresses as it likes. The port is 0. */
struct endpoint endpoint_site(const struct endpoint *e);

static inline bool
endpoint_same_host(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->zone == b->zone && memcmp(a->ip, b->ip, 16) == 0;
}

/* fe80::/10: many networks have the same ones, so that a zone has to tell which is meant. */
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
