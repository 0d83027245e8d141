/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Judges what a datagram is that arrives at the one UDP port of the DHT, uTP and the clients of UDP
 * trackers. The formats are disjoint in their first bytes:
 *
 *   'd'                                  KRPC: a bencoded dictionary (BEP 5)
 *   0x01, 0x11, 0x21, 0x31 or 0x41       uTP: type and version (BEP 29)
 *   0x00 0x00 0x00, then 0 to 3          the answer of a UDP tracker: its action (BEP 15)
 *
 * The sender and the rest of the datagram are for the reader of its class to judge.
 */
#ifndef PEER_CORE_UDPSORT_H
#define PEER_CORE_UDPSORT_H

#include <stddef.h>
#include <stdint.h>

enum {
    UDPSORT_PACKET_MAX = 1500,  /* bytes of the longest KRPC message and uTP packet */
    UDPSORT_TRACKER_MIN = 8,    /* bytes of the shortest answer: action and transaction id */
    UDPSORT_TRACKER_MAX = 8192, /* bytes of the longest answer, which may come in fragments */
};

enum udp_class {
    UDP_KRPC,
    UDP_UTP,
    UDP_TRACKER,
    UDP_OTHER, /* no known format, or too short or too long for it */
};

enum udp_class udpsort(const uint8_t *data, size_t len);

#endif
