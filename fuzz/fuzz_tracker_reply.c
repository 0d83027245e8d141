/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the peer's side of the tracker protocol. The first byte says what the rest is: 0 an HTTP
 * announce reply, 1 an HTTP scrape reply, 4 or 6 a UDP packet of that family. Whatever is taken
 * must be within its bounds, and every peer one that can be connected to.
 */
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/tracker_http.h"
#include "common/codec/tracker_udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS_MAX = 50, SCRAPES_MAX = 5 };

static void
check_text(const char *text, size_t max)
{
    ASSERT(strnlen(text, max + 1) <= max);
    for (; *text != '\0'; text++)
        ASSERT((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void
check_reply(const struct tracker_reply *r)
{
    check_text(r->failure, TRACKER_TEXT_MAX);
    check_text(r->warning, TRACKER_TEXT_MAX);
    check_text(r->tracker_id, TRACKER_ID_MAX);
    ASSERT(r->npeers <= r->peers_max);
    ASSERT(r->failure[0] == '\0' || r->npeers == 0);
    ASSERT(r->interval_s <= TRACKER_INTERVAL_MAX && r->min_interval_s <= TRACKER_INTERVAL_MAX);
    ASSERT(r->complete >= TRACKER_UNKNOWN && r->complete <= UINT32_MAX);
    ASSERT(r->retry_in_min >= TRACKER_RETRY_NEVER);
    for (size_t i = 0; i < r->npeers; i++)
        ASSERT(r->peers[i].port != 0 &&
               (r->peers[i].family == IP_V4 || r->peers[i].family == IP_V6));
}

static void
udp_reply(struct tracker_reply *r, enum ip_family family, const uint8_t *data, size_t size)
{
    struct tracker_scrape scrapes[SCRAPES_MAX];
    struct tracker_udp_head h;
    uint64_t connection;

    if (tracker_udp_parse_head(&h, data, size) != 0)
        return;
    switch (h.action) {
    case TRACKER_UDP_CONNECT: (void)tracker_udp_parse_connect(&connection, data, size); break;
    case TRACKER_UDP_ANNOUNCE:
        if (tracker_udp_parse_announce(r, data, size, family) == 0)
            check_reply(r);
        break;
    case TRACKER_UDP_SCRAPE:
        (void)tracker_udp_parse_scrape(scrapes, SCRAPES_MAX, data, size);
        break;
    case TRACKER_UDP_ERROR:
        tracker_udp_parse_error(r, data, size);
        ASSERT(r->failure[0] != '\0');
        check_reply(r);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct endpoint peers[PEERS_MAX];
    struct tracker_scrape scrapes[SCRAPES_MAX];
    struct tracker_reply r;
    size_t n;

    if (size == 0)
        return 0;
    tracker_reply_init(&r, peers, PEERS_MAX);
    if (data[0] == 0 && tracker_http_parse_reply(&r, data + 1, size - 1) == 0)
        check_reply(&r);
    if (data[0] == 1 &&
        tracker_http_parse_scrape(&r, scrapes, SCRAPES_MAX, &n, data + 1, size - 1) == 0) {
        ASSERT(n <= SCRAPES_MAX);
        check_reply(&r);
    }
    if (data[0] == IP_V4 || data[0] == IP_V6)
        udp_reply(&r, (enum ip_family)data[0], data + 1, size - 1);
    return 0;
}
