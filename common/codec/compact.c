/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes compact endpoints. Copies bytes only; other modules decide which peers to
 * connect to.
 */
#include "common/codec/compact.h"

#include "common/base/assert.h"
#include "common/base/bytes.h"

size_t
compact_put(uint8_t *dst, const struct endpoint *e)
{
    unsigned ip_len = endpoint_ip_len(e);

    ASSERT(e->family == IP_V4 || e->family == IP_V6);
    memcpy(dst, e->ip, ip_len);
    put_u16be(dst + ip_len, e->port);
    return ip_len + 2;
}

void
compact_get(struct endpoint *e, const uint8_t *src, enum ip_family family)
{
    *e = (struct endpoint){.family = (uint8_t)family};
    e->port = get_u16be(src + endpoint_ip_len(e));
    if (family == IP_V6)
        endpoint_set_ipv6(e, src);
    else
        memcpy(e->ip, src, endpoint_ip_len(e));
}

size_t
compact_get_list(struct endpoint *out, size_t max, const uint8_t *src, size_t len,
                 enum ip_family family)
{
    static const uint8_t unspecified[16];
    size_t step = compact_len(family);
    size_t n = 0;

    for (; len >= step && n < max; src += step, len -= step) {
        compact_get(&out[n], src, family);
        if (out[n].port != 0 && memcmp(out[n].ip, unspecified, sizeof(unspecified)) != 0)
            n++;
    }
    return n;
}
