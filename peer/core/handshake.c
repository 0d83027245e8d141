/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Encodes and decodes the handshake and decides a hybrid's upgrade. Stateless: the caller keeps the
 * offer and the answer.
 */
#include "peer/core/handshake.h"

#include <string.h>

#include "common/base/err.h"

static const uint8_t protocol[20] = "\x13"
                                    "BitTorrent protocol";

enum {
    RESERVED = 20,
    INFO_HASH = 28,
    PEER_ID = 48,
    /* Bits of reserved[5] and reserved[7]. */
    BIT_EXTENDED = 0x10,
    BIT_DHT = 0x01,
    BIT_FAST = 0x04,
    BIT_UPGRADE = 0x10,
};

void
handshake_encode(const struct handshake *h, uint8_t out[HANDSHAKE_LEN])
{
    memset(out, 0, HANDSHAKE_LEN);
    memcpy(out, protocol, sizeof(protocol));
    if (h->extended)
        out[RESERVED + 5] |= BIT_EXTENDED;
    if (h->dht)
        out[RESERVED + 7] |= BIT_DHT;
    if (h->fast)
        out[RESERVED + 7] |= BIT_FAST;
    if (h->upgrade)
        out[RESERVED + 7] |= BIT_UPGRADE;
    memcpy(out + INFO_HASH, h->info_hash, sizeof(h->info_hash));
    memcpy(out + PEER_ID, h->peer_id, PEER_ID_LEN);
}

int
handshake_decode(const uint8_t *bytes, size_t len, struct handshake *h)
{
    size_t known = len < sizeof(protocol) ? len : sizeof(protocol);
    const uint8_t *reserved;

    if (known > 0 && memcmp(bytes, protocol, known) != 0)
        return SPRAT_E_PROTOCOL;
    if (len < HANDSHAKE_LEN)
        return 0;
    reserved = bytes + RESERVED;
    *h = (struct handshake){
        .dht = (reserved[7] & BIT_DHT) != 0,
        .fast = (reserved[7] & BIT_FAST) != 0,
        .upgrade = (reserved[7] & BIT_UPGRADE) != 0,
        .extended = (reserved[5] & BIT_EXTENDED) != 0,
    };
    memcpy(h->info_hash, bytes + INFO_HASH, sizeof(h->info_hash));
    memcpy(h->peer_id, bytes + PEER_ID, PEER_ID_LEN);
    return 0;
}

/* Fills in a handshake of ours. A handshake with the v2 hash has nothing to upgrade. */
static void
fill(const struct identity *id, const uint8_t peer_id[PEER_ID_LEN], bool v2, struct handshake *out)
{
    *out = (struct handshake){
        .fast = true, .extended = true, .upgrade = identity_is_hybrid(id) && !v2};
    memcpy(out->info_hash, identity_wire_hash(id, v2), sizeof(out->info_hash));
    memcpy(out->peer_id, peer_id, PEER_ID_LEN);
}

void
handshake_offer(const struct identity *id, const uint8_t peer_id[PEER_ID_LEN],
                struct handshake *out)
{
    fill(id, peer_id, !id->has_v1, out);
}

int
handshake_answer(const struct identity *id, const uint8_t peer_id[PEER_ID_LEN],
                 const struct handshake *in, struct handshake *out, bool *v2)
{
    bool asked_v1 = identity_has_wire_hash(id, false, in->info_hash);

    if (!asked_v1 && !identity_has_wire_hash(id, true, in->info_hash))
        return SPRAT_E_NOTFOUND;
    *v2 = !asked_v1 || (identity_is_hybrid(id) && in->upgrade);
    fill(id, peer_id, *v2, out);
    return 0;
}

int
handshake_check(const struct identity *id, const struct handshake *offer,
                const struct handshake *in, bool *v2)
{
    bool offered_v2 = !identity_has_wire_hash(id, false, offer->info_hash);

    if (memcmp(in->info_hash, offer->info_hash, sizeof(in->info_hash)) == 0)
        *v2 = offered_v2;
    else if (!offered_v2 && offer->upgrade && identity_has_wire_hash(id, true, in->info_hash))
        *v2 = true;
    else
        return SPRAT_E_PROTOCOL;
    return 0;
}
