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
#include "tracker/core/doors.h"
#include "tracker/core/gate.h"

enum {
    UDP_SERVICE_REQUEST_MAX = 2048, /* no request is longer; what is, is not looked at */
    UDP_SERVICE_REPLY_MAX = TRACKER_UDP_REPLY_MAX_V4,
    UDP_SERVICE_PLANS = 4, /* announces whose draws are planned ahead; a power of two */
};

#define UDP_SERVICE_WAIT SIZE_MAX

/* An announce of a batch that udp_service_prefetch() has looked into. */
struct udp_service_ahead {
    const uint8_t *packet;
    const char *url; /* its URL data if that is in one piece, or NULL */
    size_t url_len;
    struct passkey_request request; /* of a private tracker, as |pass| */
    struct gate_pass pass;
};

/* Embedded; private but for the counters. */
struct udp_service {
    struct tracker_doors doors;
    struct tracker_gate gate; /* of a private tracker */
    struct connid ids;
    int64_t clock_offset_s;
    struct tally errors;    /* error packets */
    struct tally ignored;   /* packets met with silence */
    struct tally throttled; /* requests beyond the rate limit */
    struct tally denied;    /* requests that the gate did not let in */
    struct tally parked;    /* that had to come again */
    struct udp_service_ahead ahead[TRACKER_PREFETCH_MAX]; /* of the batch at hand, in its order */
    struct swarms_ask asks[TRACKER_PREFETCH_MAX];         /* of the same announces, */
    struct select_plan plans[UDP_SERVICE_PLANS];          /* and of the next ones */
    size_t nahead, ahead_at, nplanned;
};

/* |doors| are copied, and what is behind them borrowed. Services with the same secret take each
 * other's connection ids. */
void udp_service_init(struct udp_service *u, const struct tracker_doors *doors,
                      const uint8_t secret[MAC_KEY_LEN]);

/* Makes it private; copied, as the doors are. Announces then need a passkey in their URL data, and
 * scrapes, which have none, are refused. */
void udp_service_set_gate(struct udp_service *u, const struct tracker_gate *gate);

/* Says that these packets come next, at most TRACKER_PREFETCH_MAX of them, and stay where they are
 * until udp_service_leave(). */
struct udp_service_packet {
    const uint8_t *data;
    size_t len;
    const struct endpoint *from;
};
void udp_service_prefetch(struct udp_service *u, const struct udp_service_packet *packets,
                          size_t n);

/* Has connection ids made and checked by another clock than the |now| of other calls, which is
 * |offset_s| seconds behind it: Unix time, where other machines shall take them. */
void udp_service_set_clock(struct udp_service *u, int64_t offset_s);

/* With another secret from now on (connid_set_secret()). */
void udp_service_set_secret(struct udp_service *u, const uint8_t secret[MAC_KEY_LEN],
                            struct mono now);

/* Writes the answer to |reply| and returns its length, 0 for none, UDP_SERVICE_WAIT if the packet
 * shall come again: not on the last turn, and never where trackers are alone. The tracker that it
 * entered for that stays entered, and the gate too, for packets of the same shard mostly come
 * together: udp_service_leave() when a batch is through. */
size_t udp_service_answer(struct udp_service *u, const uint8_t *packet, size_t len,
                          const struct endpoint *from, enum service_turn turn,
                          uint8_t reply[UDP_SERVICE_REPLY_MAX], struct mono now);
void udp_service_leave(struct udp_service *u);

#endif
