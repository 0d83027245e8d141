/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An address without a length is a network of one address.
 */
#include "tracker/net/nettext.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/parse.h"
#include "common/sys/addr.h"

int
nettext_add(struct netset *s, const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char ip[NETTEXT_MAX];
    struct endpoint base;
    uint64_t bits;

    if (s->count == NETSET_MAX)
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
    return netset_add(s, &base, (unsigned)bits);
}
