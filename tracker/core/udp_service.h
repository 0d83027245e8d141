/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers UDP packets to the tracker (BEP 15, 41): each packet gets at most one packet in reply. No
 * socket.
 *
 * Until a client has proved its address by a connection id, an answer is not longer than the
 * request. A packet that is not a tracker request gets no answer.
 */
#ifndef TRACKER_CORE_UDP_SERVICE_H
#define TRACKER_CORE_UDP_SERVICE_H

#include "common/codec/tracker_udp.h"
#include "tracker/core/connid.h"
#include "tracker/core/doors.h"
#include "tracker/core/gate.h"

enum {
    UDP_SERVICE_REQUEST_MAX = 2048, /* longer packets are ignored */
    UDP_SERVICE_REPLY_MAX = TRACKER_UDP_REPLY_MAX_V4,
    UDP_SERVICE_PLANS = 4, /* announces whose draws are planned ahead; a power of two */
};

#define UDP_SERVICE_WAIT SIZE_MAX

/* What udp_service_prefetch() stores about an announce of a batch. */
struct udp_service_ahead {
    const uint8_t *packet;
    const char *url; /* its URL data if that is in one option, or NULL */
    size_t url_len;
    struct passkey_request request; /* used in a private tracker, as |pass| */
    struct gate_pass pass;
};

/* Embedded; private except the counters. */
struct udp_service {
    struct tracker_doors doors;
    struct tracker_gate gate; /* its |ctx| is NULL in an open tracker */
    struct connid ids;
    int64_t clock_offset_s;
    struct tally errors;                                  /* error packets */
    struct tally ignored;                                 /* packets without an answer */
    struct tally throttled;                               /* requests beyond the rate limit */
    struct tally denied;                                  /* requests that the gate refused */
    struct tally parked;                                  /* requests that had to wait */
    struct udp_service_ahead ahead[TRACKER_PREFETCH_MAX]; /* of the current batch, in its order */
    struct swarms_ask asks[TRACKER_PREFETCH_MAX];         /* of the same announces, */
    struct select_plan plans[UDP_SERVICE_PLANS];          /* and of the next ones */
    size_t nahead, ahead_at, nplanned;
};

/* |doors| is copied; the trackers behind it are borrowed. Services with the same secret accept each
 * other's connection ids. */
void udp_service_init(struct udp_service *u, const struct tracker_doors *doors,
                      const uint8_t secret[MAC_KEY_LEN]);

/* Makes the service private; |gate| is copied. Announces then need a passkey in their URL data, and
 * scrapes, which can't have one, are refused. */
void udp_service_set_gate(struct udp_service *u, const struct tracker_gate *gate);

/* Prefetches for these packets, at most TRACKER_PREFETCH_MAX, which the caller answers next. They
 * must stay in memory until udp_service_leave(). */
struct udp_service_packet {
    const uint8_t *data;
    size_t len;
    const struct endpoint *from;
};
void udp_service_prefetch(struct udp_service *u, const struct udp_service_packet *packets,
                          size_t n);

/* Sets the clock of connection ids to |now| of other calls plus |offset_s| seconds: Unix time, if
 * other machines must accept the ids. */
void udp_service_set_clock(struct udp_service *u, int64_t offset_s);

/* Changes the secret of connection ids (connid_set_secret()). */
void udp_service_set_secret(struct udp_service *u, const uint8_t secret[MAC_KEY_LEN],
                            struct mono now);

/* Writes the answer to |reply| and returns its length; 0 for no answer; UDP_SERVICE_WAIT if the
 * packet must wait and be tried again: never on the last turn, and never without a cluster. The
 * shard and the gate that the call has entered stay entered, since most packets of a batch are for
 * the same shard; call udp_service_leave() at the end of a batch. */
size_t udp_service_answer(struct udp_service *u, const uint8_t *packet, size_t len,
                          const struct endpoint *from, enum service_turn turn,
                          uint8_t reply[UDP_SERVICE_REPLY_MAX], struct mono now);
void udp_service_leave(struct udp_service *u);

#endif
