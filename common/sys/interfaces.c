/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads getifaddrs().
 */
#include "common/sys/interfaces.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/sys/addr.h"

/* The number of leading one bits. */
static uint8_t
count_bits(const uint8_t *mask, size_t len)
{
    uint8_t bits = 0;

    for (size_t i = 0; i < len; i++)
        for (uint8_t byte = mask[i]; (byte & 0x80) != 0; byte = (uint8_t)(byte << 1))
            bits++;
    return bits;
}

static uint8_t
prefix_of(const struct sockaddr *mask, const struct endpoint *addr)
{
    if (mask == NULL)
        return (uint8_t)(8 * endpoint_ip_len(addr));
    if (addr->family == IP_V4)
        return count_bits((const uint8_t *)&((const struct sockaddr_in *)mask)->sin_addr, 4);
    return count_bits(((const struct sockaddr_in6 *)mask)->sin6_addr.s6_addr, 16);
}

/* getifaddrs() does not say which IPv6 addresses are being searched for duplicates, but such an
 * address can't be bound to. */
static bool
can_bind(const struct endpoint *addr)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(addr, &ss);
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&ss, len) == 0;

    if (fd >= 0)
        close(fd);
    return bound;
}

static bool
read_one(const struct ifaddrs *i, struct interface_addr *out)
{
    const struct sockaddr *sa = i->ifa_addr;
    socklen_t len;

    if (sa == NULL || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6) ||
        (i->ifa_flags & (IFF_UP | IFF_MULTICAST | IFF_LOOPBACK)) != (IFF_UP | IFF_MULTICAST))
        return false;
    len = sa->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    out->number = if_nametoindex(i->ifa_name);
    if (out->number == 0 || addr_from_sockaddr(sa, len, &out->addr) != 0)
        return false;
    out->bits = prefix_of(i->ifa_netmask, &out->addr);
    return out->bits > 0 && (out->addr.family == IP_V4 || can_bind(&out->addr));
}

int
interfaces_read(struct interface_addr *out, size_t max)
{
    struct ifaddrs *all;
    size_t count = 0;

    if (getifaddrs(&all) != 0)
        return sprat_err_from_errno(errno);
    for (const struct ifaddrs *i = all; i != NULL && count < max; i = i->ifa_next)
        count += read_one(i, &out[count]);
    freeifaddrs(all);
    return (int)count;
}
