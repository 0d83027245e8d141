/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads at most the first four bytes of a datagram.
 */
#include "peer/core/udpsort.h"

#include "common/base/bytes.h"
#include "common/codec/tracker_udp.h"

enum { UTP_VERSION = 1, UTP_TYPES = 5 };

enum udp_class
udpsort(const uint8_t *data, size_t len)
{
    if (len == 0)
        return UDP_OTHER;
    if (data[0] == 'd')
        return len <= UDPSORT_PACKET_MAX ? UDP_KRPC : UDP_OTHER;
    if ((data[0] & 15) == UTP_VERSION && data[0] >> 4 < UTP_TYPES)
        return len <= UDPSORT_PACKET_MAX ? UDP_UTP : UDP_OTHER;
    if (len >= UDPSORT_TRACKER_MIN && len <= UDPSORT_TRACKER_MAX &&
        get_u32be(data) <= TRACKER_UDP_ERROR)
        return UDP_TRACKER;
    return UDP_OTHER;
}
