/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A SHA-1 chain over the peer's /24 network and the info-hash, five piece numbers per digest (BEP
 * 6).
 */
#include "peer/core/fastset.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/crypto/sha.h"

static bool
contains(const uint32_t *pieces, uint32_t n, uint32_t piece)
{
    for (uint32_t i = 0; i < n; i++)
        if (pieces[i] == piece)
            return true;
    return false;
}

uint32_t
fastset(const uint8_t info_hash[20], const struct endpoint *addr, uint32_t piece_count,
        uint32_t max, uint32_t *pieces)
{
    uint8_t x[24];
    uint32_t n = 0;

    if (addr->family != IP_V4 || piece_count < max)
        return 0;
    memcpy(x, addr->ip, 3);
    x[3] = 0;
    memcpy(x + 4, info_hash, 20);
    sha1(x, sizeof(x), x);
    while (n < max) {
        for (int i = 0; i < 5 && n < max; i++) {
            uint32_t piece = get_u32be(x + 4 * i) % piece_count;

            if (!contains(pieces, n, piece))
                pieces[n++] = piece;
        }
        sha1(x, SHA1_LEN, x);
    }
    return n;
}
