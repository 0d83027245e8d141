/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker behind UDP packets (BEP 15, 41): a packet in, at most one packet out. No socket.
 *
 * Until an address is proven by a connection id, an answer has at most as many bytes as the
 * question; what is no tracker request at all is answered with silence.
 */
#ifndef TRACKER_CORE_UDP_SERVICE_H
#define TRACKER_CORE_UDP_SERVICE_H

#include "common/codec/tracker_udp.h"
#include "tracker/core/connid.h"
#include "tracker/core/tracker.h"

enum {
    UDP_SERVICE_REQUEST_MAX = 2048, /* no request is longer; what is, is not looked at */
    UDP_SERVICE_REPLY_MAX = TRACKER_UDP_REPLY_MAX_V4,
};

/* Embedded; private but for the counters. */
struct udp_service {
    struct tracker *tracker; /* borrowed */
    struct connid ids;
    uint64_t errors;  /* error packets */
    uint64_t ignored; /* packets met with silence */
};

void udp_service_init(struct udp_service *u, struct tracker *t, const uint8_t secret[MAC_KEY_LEN]);

/* Says that these packets come next, at most TRACKER_PREFETCH_MAX of them. */
struct udp_service_packet {
    const uint8_t *data;
    size_t len;
};
void udp_service_prefetch(const struct udp_service *u, const struct udp_service_packet *packets,
                          size_t n);

/* Writes the answer to |reply| and returns its length, 0 for none. */
size_t udp_service_answer(struct udp_service *u, const uint8_t *packet, size_t len,
                          const struct endpoint *from, uint8_t reply[UDP_SERVICE_REPLY_MAX],
                          struct mono now);

#endif
