/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several X-Forwarded-For lines form one list in their order (RFC 9110, 5.3).
 */
#include "tracker/net/proxies.h"

#include <string.h>

#include "common/base/err.h"
#include "common/sys/addr.h"
#include "tracker/net/nettext.h"

/* Parses an entry of the list: an address with or without a port. */
static int
parse_entry(const char *at, size_t len, struct endpoint *out)
{
    char text[NETTEXT_MAX];

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

/* Reads one line from its end. Returns 1 if |*client| is found, 0 if all addresses of the line are
 * trusted proxies. */
static int
walk_line(const struct netset *p, const char *at, size_t len, struct endpoint *client)
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
        if (!netset_has(p, client))
            return 1;
        if (begin == 0)
            return 0;
        end = begin - 1;
    }
}

int
proxies_client(const struct netset *p, const struct http_request *req, const struct endpoint *from,
               struct endpoint *client)
{
    *client = *from;
    if (!netset_has(p, from))
        return 0;
    for (unsigned i = req->nforwarded; i-- > 0;) {
        int found = walk_line(p, req->forwarded[i].at, req->forwarded[i].len, client);

        if (found != 0)
            return found < 0 ? found : 0;
    }
    return 0;
}
