/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SipHash-2-4 against the vectors of its authors: key 00..0f, message 00 01 02 … of each length.
 */
#include "common/crypto/mac.h"

#include <criterion/criterion.h>

Test(mac, vectors_of_the_paper)
{
    static const struct {
        size_t len;
        uint64_t mac;
    } vectors[] = {
        {0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {7, 0xab0200f58b01d137},
        {8, 0x93f5f5799a932462},  {15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb},
        {63, 0x958a324ceb064572},
    };
    uint8_t key[MAC_KEY_LEN], msg[64];

    for (unsigned i = 0; i < sizeof(msg); i++)
        msg[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        cr_expect_eq(mac_siphash(key, msg, vectors[i].len), vectors[i].mac, "length %zu: %llx",
                     vectors[i].len, (unsigned long long)mac_siphash(key, msg, vectors[i].len));
}
