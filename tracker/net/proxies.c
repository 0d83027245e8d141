/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several header lines are one list in the order in which they stand (RFC 9110, 5.3).
 */
#include "tracker/net/proxies.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/parse.h"
#include "common/sys/addr.h"

enum { TEXT_MAX = 64 }; /* longer is no address */

int
proxies_add(struct proxies *p, const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char ip[TEXT_MAX];
    struct endpoint base;
    uint64_t bits;

    if (p->count == PROXIES_MAX)
        return SPRAT_E_LIMIT;
    if (len >= sizeof(ip))
        return SPRAT_E_SYNTAX;
    memcpy(ip, text, len);
    ip[len] = '\0';
    if (strchr(ip, '%') != NULL || addr_parse_ip(ip, 0, &base) != 0)
        return SPRAT_E_SYNTAX;
    bits = endpoint_ip_len(&base) * 8;
    if (slash != NULL && parse_u64(slash + 1, 0, bits, &bits) != 0)
        return SPRAT_E_SYNTAX;
    p->nets[p->count].base = base;
    p->nets[p->count].bits = (uint8_t)bits;
    p->count++;
    return 0;
}

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned rest = bits % 8;

    if (memcmp(a, b, bits / 8) != 0)
        return false;
    return rest == 0 || (uint8_t)((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

static bool
is_trusted(const struct proxies *p, const struct endpoint *e)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->nets[i].base.family == e->family &&
            same_bits(p->nets[i].base.ip, e->ip, p->nets[i].bits))
            return true;
    return false;
}

/* An entry of the list: an address, alone or with a port. */
static int
parse_entry(const char *at, size_t len, struct endpoint *out)
{
    char text[TEXT_MAX];

    while (len > 0 && (at[0] == ' ' || at[0] == '\t'))
        at++, len--;
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    if (len == 0 || len >= sizeof(text))
        return SPRAT_E_PROTOCOL;
    memcpy(text, at, len);
    text[len] = '\0';
    /* A zone names an interface of this host, which another host cannot know. */
    if (strchr(text, '%') != NULL)
        return SPRAT_E_PROTOCOL;
    if (addr_parse_ip(text, 0, out) != 0 && addr_parse(text, out) != 0)
        return SPRAT_E_PROTOCOL;
    out->port = 0;
    return 0;
}

/* Walks one line from its end. 1: |*client| is found; 0: all of it was trusted. */
static int
walk_line(const struct proxies *p, const char *at, size_t len, struct endpoint *client)
{
    size_t end = len;

    for (;;) {
        size_t begin = end;
        int err;

        while (begin > 0 && at[begin - 1] != ',')
            begin--;
        err = parse_entry(at + begin, end - begin, client);
        if (err != 0)
            return err;
        if (!is_trusted(p, client))
            return 1;
        if (begin == 0)
            return 0;
        end = begin - 1;
    }
}

int
proxies_client(const struct proxies *p, const struct http_request *req, const struct endpoint *from,
               struct endpoint *client)
{
    *client = *from;
    if (!is_trusted(p, from))
        return 0;
    for (unsigned i = req->nforwarded; i-- > 0;) {
        int found = walk_line(p, req->forwarded[i].at, req->forwarded[i].len, client);

        if (found != 0)
            return found < 0 ? found : 0;
    }
    return 0;
}
