/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the tracker's UDP side. The input is a row of packets: one byte of choices, two of length,
 * the packet. Bit 0 of the choices puts a good connection id into it, bit 1 takes IPv6, bits 2 and
 * 3 the address, bit 4 lets an hour pass. An answer must fit its packet, and be no longer than the
 * question unless the id was good.
 */
#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "tracker/core/udp_service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
one_packet(struct udp_service *u, unsigned choices, uint8_t *packet, size_t len, struct mono *now)
{
    static uint8_t reply[UDP_SERVICE_REPLY_MAX];
    struct endpoint from = {.ip = {10, 0, 0, (uint8_t)(choices >> 2 & 3)},
                            .port = 5,
                            .family = choices & 2 ? IP_V6 : IP_V4};
    bool proven = (choices & 1) != 0 && len >= 16;
    size_t got;

    if (choices & 16)
        *now = mono_add_ms(*now, 3600 * 1000);
    if (proven)
        put_u64be(packet, connid_make(&u->ids, &from, *now));
    got = udp_service_answer(u, packet, len, &from, TURN_FIRST, reply, *now);
    ASSERT(got <= UDP_SERVICE_REPLY_MAX);
    ASSERT(from.family == IP_V4 || got <= TRACKER_UDP_REPLY_MAX_V6);
    ASSERT(proven || got <= len);
    while (mono_due(tracker_expiry(u->doors.ctx), *now))
        tracker_on_timer(u->doors.ctx, *now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tracker_seed seed = {{1, 2}, 3};
    static const uint8_t secret[MAC_KEY_LEN] = "fuzz";
    static uint8_t packet[UDP_SERVICE_REQUEST_MAX];
    struct mono now = {1000000000};
    struct tracker_config config;
    struct udp_service u;
    struct tracker *t;
    struct tracker_doors doors;

    tracker_config_init(&config);
    config.torrents_max = 3;
    config.torrent_peers_max = 30;
    t = tracker_new(&config, &seed);
    if (t == NULL)
        return 0;
    doors = tracker_doors_to(t);
    udp_service_init(&u, &doors, secret);
    while (size >= 3) {
        unsigned choices = data[0];
        size_t len = get_u16be(data + 1) % (UDP_SERVICE_REQUEST_MAX + 1);

        data += 3;
        size -= 3;
        if (len > size)
            len = size;
        memcpy(packet, data, len);
        one_packet(&u, choices, packet, len, &now);
        data += len;
        size -= len;
    }
    tracker_free(t);
    return 0;
}
