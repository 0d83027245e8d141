/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peers of an answer are few, so each is checked after the draw; the draw itself needs no
 * check.
 */
#include "tracker/core/external.h"

#include <string.h>

#include "common/codec/compact.h"
#include "common/codec/tracker.h"

bool
external_is_loopback(const uint8_t *key, uint8_t family)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    if (family == IP_V4)
        return key[0] == 127;
    return memcmp(key, loopback6, sizeof(loopback6)) == 0;
}

bool
external_replace(const struct external *x, uint8_t family, uint8_t *key)
{
    const struct endpoint *to = family == IP_V4 ? &x->v4 : &x->v6;

    if (to->family != family)
        return false;
    memcpy(key, to->ip, endpoint_ip_len(to));
    return true;
}

uint32_t
external_filter(const struct external *x, uint8_t family, uint8_t *peers, uint8_t *ids, uint32_t n)
{
    size_t len = compact_len((enum ip_family)family);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint8_t *peer = peers + i * len;

        if (external_is_loopback(peer, family) && !external_replace(x, family, peer))
            continue;
        if (kept != i) {
            memcpy(peers + kept * len, peer, len);
            if (ids != NULL)
                memcpy(ids + kept * TRACKER_PEER_ID_LEN, ids + i * TRACKER_PEER_ID_LEN,
                       TRACKER_PEER_ID_LEN);
        }
        kept++;
    }
    return kept;
}
