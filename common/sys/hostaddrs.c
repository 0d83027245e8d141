/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads getifaddrs(). The choice is made by scope, one scope after another.
 */
#include "common/sys/hostaddrs.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/base/err.h"
#include "common/sys/addr.h"

static bool
read_one(const struct ifaddrs *i, struct hostaddr *out)
{
    const unsigned running = IFF_UP | IFF_RUNNING;
    socklen_t len;

    if (i->ifa_addr == NULL)
        return false;
    len = i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                            : sizeof(struct sockaddr_in6);
    out->running = (i->ifa_flags & running) == running;
    return addr_from_sockaddr(i->ifa_addr, len, &out->addr) == 0;
}

int
hostaddrs_read(struct hostaddr **out, size_t *count)
{
    struct ifaddrs *all;
    size_t n = 0;

    if (getifaddrs(&all) != 0)
        return sprat_err_from_errno(errno);
    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
        n++;
    *count = 0;
    *out = calloc(n + 1, sizeof(**out));
    for (const struct ifaddrs *i = all; *out != NULL && i != NULL; i = i->ifa_next)
        *count += read_one(i, &(*out)[*count]);
    freeifaddrs(all);
    return *out != NULL ? 0 : SPRAT_E_NOMEM;
}

/* 169.254.0.0/16 (RFC 3927) and fe80::/10. */
static bool
is_link_local(const struct endpoint *e)
{
    return endpoint_is_link_local(e) || (e->family == IP_V4 && e->ip[0] == 169 && e->ip[1] == 254);
}

/* The addresses found so far. */
struct choice {
    struct endpoint *out;
    size_t count, max;
};

static void
add(struct choice *c, const struct endpoint *addr, uint16_t port, enum ip_scope scope)
{
    struct endpoint e = *addr;

    e.port = port;
    if (endpoint_scope(&e) != scope || is_link_local(&e) || addr_is_any(&e))
        return;
    for (size_t i = 0; i < c->count; i++)
        if (endpoint_equal(&c->out[i], &e))
            return;
    if (c->count < c->max)
        c->out[c->count++] = e;
}

static void
add_scope(struct choice *c, const struct endpoint *at, const struct hostaddr *all, size_t count,
          enum ip_scope scope)
{
    if (!addr_is_any(at)) {
        add(c, at, at->port, scope);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (all[i].running && all[i].addr.family == at->family)
            add(c, &all[i].addr, at->port, scope);
}

size_t
hostaddrs_reachable(const struct endpoint *listen, size_t listen_count, const struct hostaddr *all,
                    size_t count, struct endpoint *out, size_t max)
{
    static const enum ip_scope scopes[] = {SCOPE_GLOBAL, SCOPE_LOCAL, SCOPE_LOOPBACK};
    struct choice c = {.out = out, .max = max};

    for (size_t k = 0; k < sizeof(scopes) / sizeof(scopes[0]); k++) {
        if (scopes[k] == SCOPE_LOOPBACK && c.count > 0)
            break;
        for (size_t i = 0; i < listen_count; i++)
            add_scope(&c, &listen[i], all, count, scopes[k]);
    }
    return c.count;
}
