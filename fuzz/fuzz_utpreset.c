/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes what answers strangers' UDP packets. The input is a row of packets: a byte of time and
 * address, one of length, the packet. An answer is never longer than its question, is a reset to
 * the same connection, and there are never more than the limits allow.
 */
#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "peer/core/utpreset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t key[2] = {3, 4};
    static struct utpreset u;
    struct mono begin = {1000000000}, now = begin;
    uint64_t packets = 0;

    utpreset_init(&u, key, now);
    while (size >= 2) {
        struct endpoint from = {.family = data[0] & 1 ? IP_V6 : IP_V4,
                                .ip = {80, 1, 1, data[0] >> 1 & 3},
                                .port = 5};
        uint8_t reply[UTPRESET_LEN];
        size_t len = data[1], got;

        now = mono_add_ms(now, data[0] >> 3);
        data += 2;
        size -= 2;
        len = len < size ? len : size;
        got = utpreset_answer(&u, &from, data, len, reply, now);
        ASSERT(got == 0 || (got == UTPRESET_LEN && got <= len));
        ASSERT(got == 0 || (reply[0] == 0x31 && get_u16be(reply + 2) == get_u16be(data + 2) &&
                            get_u16be(reply + 18) == get_u16be(data + 16)));
        packets++;
        data += len;
        size -= len;
    }
    ASSERT(u.answered + u.limited + u.ignored == packets);
    ASSERT(u.answered <= 8 * UTPRESET_SITE_BURST +
                             (uint64_t)mono_diff_ms(now, begin) * 8 * UTPRESET_SITE_PER_S / 1000);
    return 0;
}
