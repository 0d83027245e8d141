/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The BitTorrent handshake: the 68 bytes that open a connection (BEP 3), their reserved bits (BEP
 * 5, 6, 10, 52), and the choice between a hybrid's two info-hashes (BEP 52 "upgrade path").
 *
 *   offset  size  field
 *        0     1  19
 *        1    19  "BitTorrent protocol"
 *       20     8  reserved bits
 *       28    20  info-hash: v1, or the first 20 bytes of the v2 info-hash
 *       48    20  peer id
 */
#ifndef PEER_CORE_HANDSHAKE_H
#define PEER_CORE_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/codec/identity.h"

enum { HANDSHAKE_LEN = 68, PEER_ID_LEN = 20 };

struct handshake {
    uint8_t info_hash[20];
    uint8_t peer_id[PEER_ID_LEN];
    bool dht;      /* reserved[7] & 0x01 */
    bool fast;     /* reserved[7] & 0x04 */
    bool upgrade;  /* reserved[7] & 0x10: the peer also knows the torrent's v2 side */
    bool extended; /* reserved[5] & 0x10 */
};

void handshake_encode(const struct handshake *h, uint8_t out[HANDSHAKE_LEN]);

/* SPRAT_E_PROTOCOL if the bytes are not a BitTorrent handshake. The first |len| bytes are enough
 * for an early decision: 0 as long as they can still become a handshake. |h| is filled only with
 * all 68 bytes. */
int handshake_decode(const uint8_t *bytes, size_t len, struct handshake *h);

/* Our handshake for the torrent |id| when we connect: the v1 hash for v1 and hybrid torrents
 * (hybrid: with the upgrade bit), else the v2 hash; the fast and extended bits always. */
void handshake_offer(const struct identity *id, const uint8_t peer_id[PEER_ID_LEN],
                     struct handshake *out);

/* Our answer to |in|, which must carry one of the torrent's two hashes (else SPRAT_E_NOTFOUND): the
 * v2 hash if |in| names a hybrid's v1 hash and has the upgrade bit, else the hash of |in|. |*v2|:
 * the connection speaks v2. */
int handshake_answer(const struct identity *id, const uint8_t peer_id[PEER_ID_LEN],
                     const struct handshake *in, struct handshake *out, bool *v2);

/* Checks the peer's answer |in| to our |offer|: SPRAT_E_PROTOCOL unless it has the hash that we
 * sent, or the v2 hash of a hybrid for which we offered the upgrade. */
int handshake_check(const struct identity *id, const struct handshake *offer,
                    const struct handshake *in, bool *v2);

#endif
