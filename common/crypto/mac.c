/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SipHash-2-4 with a key of bytes.
 */
#include "common/crypto/mac.h"

#include "common/ds/siphash.h"

uint64_t
mac_siphash(const uint8_t key[MAC_KEY_LEN], const void *data, size_t len)
{
    const uint64_t words[2] = {siphash_load(key), siphash_load(key + 8)};

    return siphash24(words, data, len);
}
