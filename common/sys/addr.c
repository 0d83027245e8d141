/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Converts endpoints to and from text and sockaddr. The parser is strict, since its input also
 * comes from users and trackers.
 */
#include "common/sys/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

static void
endpoint_from_v6(const uint8_t ip[16], uint16_t port, struct endpoint *out)
{
    *out = (struct endpoint){.port = port};
    endpoint_set_ipv6(out, ip);
}

bool
addr_set_zone(struct endpoint *e, const char *name)
{
    unsigned long zone;
    char *end;

    if (!endpoint_is_link_local(e))
        return false;
    zone = if_nametoindex(name);
    if (zone == 0 && name[0] >= '1' && name[0] <= '9') {
        zone = strtoul(name, &end, 10);
        zone = *end == '\0' && zone <= INT32_MAX ? zone : 0;
    }
    if (zone != 0)
        e->zone = (uint32_t)zone;
    return zone != 0;
}

const char *
addr_zone_name(const struct endpoint *e, char name[ADDR_ZONE_MAX])
{
    name[0] = '\0';
    if (e->zone != 0 && if_indextoname(e->zone, name) == NULL)
        snprintf(name, ADDR_ZONE_MAX, "%u", (unsigned)e->zone);
    return name;
}

static int parse_ip_part(const char *s, size_t len, bool v6, uint16_t port, struct endpoint *out);

/* Reads "fe80::1%eth0", with the '%' at |s| + |ip_len|. */
static int
parse_zoned(const char *s, size_t ip_len, size_t len, uint16_t port, struct endpoint *out)
{
    char zone[ADDR_ZONE_MAX];
    size_t zone_len = len - ip_len - 1;
    struct endpoint e;
    int err;

    if (zone_len == 0 || zone_len >= sizeof(zone))
        return SPRAT_E_SYNTAX;
    memcpy(zone, s + ip_len + 1, zone_len);
    zone[zone_len] = '\0';
    err = parse_ip_part(s, ip_len, true, port, &e);
    if (err == 0 && !addr_set_zone(&e, zone))
        err = SPRAT_E_SYNTAX;
    if (err == 0)
        *out = e;
    return err;
}

static int
parse_ip_part(const char *s, size_t len, bool v6, uint16_t port, struct endpoint *out)
{
    const char *percent = v6 ? memchr(s, '%', len) : NULL;
    char text[INET6_ADDRSTRLEN];
    uint8_t ip[16];

    if (percent != NULL)
        return parse_zoned(s, (size_t)(percent - s), len, port, out);
    if (len == 0 || len >= sizeof(text))
        return SPRAT_E_SYNTAX;
    memcpy(text, s, len);
    text[len] = '\0';
    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, ip) != 1)
        return SPRAT_E_SYNTAX;
    if (v6) {
        endpoint_from_v6(ip, port, out);
    } else {
        *out = (struct endpoint){.family = IP_V4, .port = port};
        memcpy(out->ip, ip, 4);
    }
    return 0;
}

/* Reads 1 to 5 digits up to the end of the string. */
static int
parse_port(const char *s, uint16_t *port)
{
    uint32_t v = 0;
    size_t n = 0;

    for (; s[n] >= '0' && s[n] <= '9' && n < 6; n++)
        v = v * 10 + (uint32_t)(s[n] - '0');
    if (n == 0 || n > 5 || s[n] != '\0' || v > 65535)
        return SPRAT_E_SYNTAX;
    *port = (uint16_t)v;
    return 0;
}

int
addr_parse(const char *text, struct endpoint *out)
{
    bool v6 = text[0] == '[';
    const char *start = text + v6;
    const char *end = strchr(start, v6 ? ']' : ':');
    uint16_t port;

    if (end == NULL || (v6 && end[1] != ':') || parse_port(end + 1 + v6, &port) != 0)
        return SPRAT_E_SYNTAX;
    return parse_ip_part(start, (size_t)(end - start), v6, port, out);
}

int
addr_parse_ip(const char *text, uint16_t port, struct endpoint *out)
{
    size_t len = strlen(text);

    if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
        return parse_ip_part(text + 1, len - 2, true, port, out);
    return parse_ip_part(text, len, strchr(text, ':') != NULL, port, out);
}

bool
addr_split(const char *text, char *host, size_t size, uint16_t *port)
{
    bool v6 = text[0] == '[';
    const char *start = text + v6, *end = v6 ? strchr(start, ']') : strrchr(start, ':');
    size_t len = end != NULL ? (size_t)(end - start) : 0;

    if (len == 0 || len >= size || (v6 && end[1] != ':') || parse_port(end + 1 + v6, port) != 0)
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    return *port != 0;
}

const char *
addr_format_ip(const struct endpoint *e, char text[ADDR_TEXT_MAX])
{
    char zone[ADDR_ZONE_MAX];

    if (e->family == IP_NONE ||
        inet_ntop(e->family == IP_V4 ? AF_INET : AF_INET6, e->ip, text, ADDR_TEXT_MAX) == NULL)
        snprintf(text, ADDR_TEXT_MAX, "-");
    else if (e->zone != 0)
        snprintf(text + strlen(text), ADDR_TEXT_MAX - strlen(text), "%%%s",
                 addr_zone_name(e, zone));
    return text;
}

const char *
addr_format(const struct endpoint *e, char text[ADDR_TEXT_MAX])
{
    char ip[ADDR_TEXT_MAX];

    if (e->family == IP_NONE)
        snprintf(text, ADDR_TEXT_MAX, "-");
    else
        snprintf(text, ADDR_TEXT_MAX, e->family == IP_V4 ? "%.45s:%u" : "[%.62s]:%u",
                 addr_format_ip(e, ip), (unsigned)e->port);
    return text;
}

socklen_t
addr_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(e->port), .sin6_scope_id = e->zone};

    switch (e->family) {
    case IP_V4:
        memcpy(&in.sin_addr, e->ip, 4);
        memcpy(ss, &in, sizeof(in));
        return sizeof(in);
    case IP_V6:
        memcpy(&in6.sin6_addr, e->ip, 16);
        memcpy(ss, &in6, sizeof(in6));
        return sizeof(in6);
    }
    ss->ss_family = AF_UNSPEC;
    return 0;
}

int
addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct endpoint *out)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (len >= sizeof(in) && sa->sa_family == AF_INET) {
        memcpy(&in, sa, sizeof(in));
        *out = (struct endpoint){.family = IP_V4, .port = ntohs(in.sin_port)};
        memcpy(out->ip, &in.sin_addr, 4);
        return 0;
    }
    if (len >= sizeof(in6) && sa->sa_family == AF_INET6) {
        memcpy(&in6, sa, sizeof(in6));
        endpoint_from_v6(in6.sin6_addr.s6_addr, ntohs(in6.sin6_port), out);
        if (endpoint_is_link_local(out))
            out->zone = in6.sin6_scope_id;
        return 0;
    }
    return SPRAT_E_INVAL;
}

bool
addr_is_loopback(const struct endpoint *e)
{
    return endpoint_scope(e) == SCOPE_LOOPBACK;
}

bool
addr_is_any(const struct endpoint *e)
{
    static const uint8_t zero[16];

    return e->family != IP_NONE && memcmp(e->ip, zero, 16) == 0;
}
