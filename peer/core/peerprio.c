/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CRC-32C over the two addresses in order (BEP 40). The network bytes (2 of IPv4, 6 of IPv6) count
 * in full, of addresses in the same network also the bytes up to the first difference; of the other
 * bytes every second bit counts, so that an attacker gains little by changing addresses within one
 * network. The checksums cover at most 32 bytes and are computed once per peer, so a table would be
 * a waste.
 */
#include "peer/core/peerprio.h"

#include "common/base/bytes.h"

enum { CRC32C_POLYNOMIAL = (int)0x82f63b78 };

static uint32_t
crc32c(const uint8_t *data, unsigned len)
{
    uint32_t crc = UINT32_MAX;

    for (unsigned i = 0; i < len; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? (uint32_t)CRC32C_POLYNOMIAL : 0);
    }
    return ~crc;
}

/* CRC-32C of the two strings of |len| bytes, the smaller one first. */
static uint32_t
crc_in_order(const uint8_t *a, const uint8_t *b, unsigned len)
{
    bool swap = memcmp(a, b, len) > 0;
    uint8_t both[32];

    memcpy(both, swap ? b : a, len);
    memcpy(both + len, swap ? a : b, len);
    return crc32c(both, 2 * len);
}

static void
mask(uint8_t *out, const uint8_t *ip, unsigned len, unsigned whole)
{
    for (unsigned i = 0; i < len; i++)
        out[i] = i < whole ? ip[i] : ip[i] & 0x55;
}

uint32_t
peerprio(const struct endpoint *a, const struct endpoint *b)
{
    unsigned len = endpoint_ip_len(a), whole = a->family == IP_V4 ? 2 : 6, same = 0;
    uint8_t x[16], y[16];

    if (a->family != b->family)
        return 0;
    while (same < len && a->ip[same] == b->ip[same])
        same++;
    if (same == len) {
        put_u16be(x, a->port);
        put_u16be(y, b->port);
        return crc_in_order(x, y, 2);
    }
    if (same >= whole)
        whole = same + 1;
    mask(x, a->ip, len, whole);
    mask(y, b->ip, len, whole);
    return crc_in_order(x, y, len);
}
