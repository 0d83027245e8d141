/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The class of every beginning and length of a datagram.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "peer/core/udpsort.h"

static uint8_t packet[UDPSORT_TRACKER_MAX + 1];

Test(udpsort, the_first_byte_decides)
{
    for (unsigned first = 0; first < 256; first++) {
        bool utp =
            first == 0x01 || first == 0x11 || first == 0x21 || first == 0x31 || first == 0x41;
        enum udp_class expected = first == 'd' ? UDP_KRPC
                                  : utp        ? UDP_UTP
                                  : first == 0 ? UDP_TRACKER
                                               : UDP_OTHER;

        packet[0] = (uint8_t)first;
        cr_expect_eq(udpsort(packet, 20), expected, "0x%02x", first);
    }
}

Test(udpsort, a_trackers_answer_begins_with_its_action)
{
    static const uint32_t other[] = {4, 0x100, 0x10000, 0xffffff};

    for (uint32_t action = 0; action < 4; action++) {
        put_u32be(packet, action);
        cr_expect_eq(udpsort(packet, 16), UDP_TRACKER, "action %u", action);
    }
    for (unsigned i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        put_u32be(packet, other[i]);
        cr_expect_eq(udpsort(packet, 16), UDP_OTHER, "action %u", other[i]);
    }
}

/* The class of a datagram of |len| bytes that begins with |first|, in a block of its own length, so
 * that the sanitizer sees each read beyond its end. */
static enum udp_class
sort(uint8_t first, size_t len)
{
    uint8_t *data = calloc(1, len > 0 ? len : 1);
    enum udp_class c;

    cr_assert_not_null(data);
    if (len > 0)
        data[0] = first;
    c = udpsort(data, len);
    free(data);
    return c;
}

Test(udpsort, each_class_has_its_lengths)
{
    cr_expect_eq(sort(0, 0), UDP_OTHER);
    for (size_t len = 1; len < UDPSORT_TRACKER_MIN; len++)
        cr_expect_eq(sort(0, len), UDP_OTHER, "%zu bytes", len);
    cr_expect_eq(sort(0, UDPSORT_TRACKER_MIN), UDP_TRACKER);
    cr_expect_eq(sort(0, UDPSORT_TRACKER_MAX), UDP_TRACKER);
    cr_expect_eq(sort(0, UDPSORT_TRACKER_MAX + 1), UDP_OTHER);
    cr_expect_eq(sort('d', 1), UDP_KRPC);
    cr_expect_eq(sort('d', UDPSORT_PACKET_MAX), UDP_KRPC);
    cr_expect_eq(sort('d', UDPSORT_PACKET_MAX + 1), UDP_OTHER);
    cr_expect_eq(sort(0x41, 1), UDP_UTP);
    cr_expect_eq(sort(0x41, UDPSORT_PACKET_MAX), UDP_UTP);
    cr_expect_eq(sort(0x41, UDPSORT_PACKET_MAX + 1), UDP_OTHER);
}
