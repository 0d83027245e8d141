/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes and reads packets of the UDP tracker protocol (BEP 15) with its options (BEP 41), for both
 * sides. Independent of sockets and time; does not interpret connection ids.
 *
 *  connect request         announce request                       scrape request
 *  0   8  0x41727101980    0   8   connection id                  0   8     connection id
 *  8   4  action 0         8   4   action 1                       8   4     action 2
 *  12  4  transaction      12  4   transaction                    12  4     transaction
 *                          16  20  info-hash                      16  20*n  info-hashes
 *                          36  20  peer id
 *  connect reply           56  8   downloaded                     scrape reply
 *  0   4  action 0         64  8   left                           0   4     action 2
 *  4   4  transaction      72  8   uploaded                       4   4     transaction
 *  8   8  connection id    80  4   event                          8   12*n  seeders, completed,
 *                          84  4   IP address, ignored                      leechers
 *  error reply             88  4   key
 *  0   4  action 3         92  4   numwant                        announce reply
 *  4   4  transaction      96  2   port                           0   4     action 1
 *  8   n  message          98  n   options: 0 end, 1 nothing,     4   4     transaction
 *                                  else type, length, data;       8   4     interval, seconds
 *                                  2 is a piece of path           12  4     leechers
 *                                  and query                      16  4     seeders
 *                                                                 20  6*n or 18*n  peers
 */
#ifndef COMMON_CODEC_TRACKER_UDP_H
#define COMMON_CODEC_TRACKER_UDP_H

#include "common/base/bytes.h"
#include "common/codec/tracker.h"

enum {
    TRACKER_UDP_CONNECT_LEN = 16,
    TRACKER_UDP_ANNOUNCE_LEN = 98, /* a request without options */
    TRACKER_UDP_PEER_ID_AT = 36,   /* offsets in an announce request */
    TRACKER_UDP_LEFT_AT = 64,
    TRACKER_UDP_EVENT_AT = 80,
    TRACKER_UDP_NUMWANT_AT = 92,
    TRACKER_UDP_PORT_AT = 96,
    TRACKER_UDP_ANNOUNCE_HEAD = 20, /* an announce reply before its peers */
    TRACKER_UDP_SCRAPE_HEAD = 8,
    TRACKER_UDP_SCRAPE_STEP = 12,
    TRACKER_UDP_SCRAPE_MAX = 74,    /* info-hashes of one scrape */
    TRACKER_UDP_URL_MAX = 1024,     /* longest URL data that is sent or read, bytes */
    TRACKER_UDP_REQUEST_MAX = 1536, /* the longest request that this program writes */
    /* Payloads that need no fragmentation: an Ethernet's MTU, and the minimum MTU of IPv6. */
    TRACKER_UDP_REPLY_MAX_V4 = 1472,
    TRACKER_UDP_REPLY_MAX_V6 = 1232,
};

enum tracker_udp_action {
    TRACKER_UDP_CONNECT = 0,
    TRACKER_UDP_ANNOUNCE = 1,
    TRACKER_UDP_SCRAPE = 2,
    TRACKER_UDP_ERROR = 3,
};

/* The peer's side. Each returns the packet's length; |dst| holds TRACKER_UDP_REQUEST_MAX bytes. */
size_t tracker_udp_put_connect(uint8_t *dst, uint32_t transaction);

/* |url_data| is path and query of the tracker's URL and goes out as BEP 41 options; NULL or ""
 * sends none; data longer than TRACKER_UDP_URL_MAX is not sent at all. */
size_t tracker_udp_put_announce(uint8_t *dst, uint64_t connection, uint32_t transaction,
                                const struct tracker_announce *a, const char *url_data);
/* |n| is at most TRACKER_UDP_SCRAPE_MAX. */
size_t tracker_udp_put_scrape(uint8_t *dst, uint64_t connection, uint32_t transaction,
                              const uint8_t (*hashes)[TRACKER_HASH_LEN], size_t n);

/* The head of every reply. TRUNCATED for less than eight bytes, PROTOCOL for an unknown action. The
 * caller compares action and transaction with its request, then calls the matching function below.
 */
struct tracker_udp_head {
    enum tracker_udp_action action;
    uint32_t transaction;
};
int tracker_udp_parse_head(struct tracker_udp_head *h, const uint8_t *src, size_t len);

/* TRUNCATED for a packet that is too short. */
int tracker_udp_parse_connect(uint64_t *connection, const uint8_t *src, size_t len);
/* |family| is the address family of the packet; |r| was initialised. */
int tracker_udp_parse_announce(struct tracker_reply *r, const uint8_t *src, size_t len,
                               enum ip_family family);
/* Fills the numbers of the |n| requested entries, in the order of the request. */
int tracker_udp_parse_scrape(struct tracker_scrape *entries, size_t n, const uint8_t *src,
                             size_t len);
/* Sets |r->failure|; never empty. */
void tracker_udp_parse_error(struct tracker_reply *r, const uint8_t *src, size_t len);

/* The tracker's side: a request. A connect request's |connection| is the constant of the protocol.
 */
struct tracker_udp_request {
    enum tracker_udp_action action; /* TRACKER_UDP_ERROR if the packet is no request */
    uint32_t transaction;           /* 0 if the packet is too short to have one */
    uint64_t connection;
    struct tracker_announce announce;
    char url_data[TRACKER_UDP_URL_MAX + 1]; /* BEP 41, NUL-terminated; "" if none */
    const uint8_t *hashes; /* of a scrape, 20 bytes each; borrowed from the packet */
    size_t nhashes;
};

/* Parses a request. TRUNCATED (shorter than a request of its action), PROTOCOL (a connect without
 * the constant, an action that is no request, an option that exceeds the packet, URL data with a
 * NUL), TOOBIG (too much URL data). Info-hashes of a scrape beyond TRACKER_UDP_SCRAPE_MAX are
 * ignored without an error. After an error |action|, |transaction| and |connection| are still right
 * if the packet has 16 bytes. */
int tracker_udp_parse_request(struct tracker_udp_request *q, const uint8_t *src, size_t len);

/* Whether a packet is an announce request of full length, for callers that read its fields at their
 * offsets before they parse it. */
static inline bool
tracker_udp_is_announce(const uint8_t *packet, size_t len)
{
    return len >= TRACKER_UDP_ANNOUNCE_LEN && get_u32be(packet + 8) == TRACKER_UDP_ANNOUNCE;
}

/* The URL data of an announce request, if it is contiguous in the packet, as data of at most 255
 * bytes is; NULL otherwise. For callers that need the URL before they parse the request. */
const char *tracker_udp_peek_url(const uint8_t *packet, size_t len, size_t *url_len);

/* Each returns the packet's length. */
size_t tracker_udp_put_connect_reply(uint8_t *dst, uint32_t transaction, uint64_t connection);
/* Writes the 20 bytes before the peers; the caller writes the peers after them. */
size_t tracker_udp_put_announce_head(uint8_t *dst, uint32_t transaction,
                                     const struct tracker_reply *r);
size_t tracker_udp_put_scrape_reply(uint8_t *dst, uint32_t transaction,
                                    const struct tracker_scrape *entries, size_t n);
/* The message is truncated so that the packet has at most |max| bytes; |max| is at least 8. */
size_t tracker_udp_put_error(uint8_t *dst, size_t max, uint32_t transaction, const char *message);

#endif
