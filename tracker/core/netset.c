/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The list is short, so each network is compared.
 */
#include "tracker/core/netset.h"

#include <string.h>

#include "common/base/err.h"

int
netset_add(struct netset *s, const struct endpoint *base, unsigned bits)
{
    if (s->count == NETSET_MAX)
        return SPRAT_E_LIMIT;
    s->nets[s->count].base = *base;
    s->nets[s->count].bits = (uint8_t)bits;
    s->count++;
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

bool
netset_has(const struct netset *s, const struct endpoint *e)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->nets[i].base.family == e->family &&
            same_bits(s->nets[i].base.ip, e->ip, s->nets[i].bits))
            return true;
    return false;
}
