/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The 68 bytes that open a connection (BEP 3), their reserved bits (BEP 5, 6, 10, 52), and the
 * choice between a hybrid's two info-hashes (BEP 52 "upgrade path").
 *
 *   offset  size  field
 *        0     1  19
 *        1    19  "BitTorrent protocol"
 *       20     8  reserved bits
 *       28    20  info-hash: v1, or the first 20 bytes of the v2 one
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
    bool upgrade;  /* reserved[7] & 0x10: I know this torrent's v2 side too */
    bool extended; /* reserved[5] & 0x10 */
};

void handshake_encode(const struct handshake *h, uint8_t out[HANDSHAKE_LEN]);

/* SPRAT_E_PROTOCOL if it is not a BitTorrent handshake. May be called with the first |len| bytes to
 * find out early: 0 as long as they can still become one. |h| is filled only with all 68. */
int handshake_decode(const uint8_t *bytes, size_t len, struct handshake *h);

/* What we offer for the torrent |id| when we connect: hash v1 for v1 and hybrid (with the upgrade
 * bit), else v2; fast and extended always. */
void handshake_offer(const struct identity *id, const uint8_t peer_id[PEER_ID_LEN],
                     struct handshake *out);

/* Our answer to |in|, which must carry one of the torrent's two hashes (SPRAT_E_NOTFOUND
 * otherwise): the v2 hash if a hybrid was asked by its v1 hash and offers the upgrade, else the
 * hash asked for. |*v2| says whether the connection speaks v2. */
int handshake_answer(const struct identity *id, const uint8_t peer_id[PEER_ID_LEN],
                     const struct handshake *in, struct handshake *out, bool *v2);

/* Judges the answer |in| to our offer: SPRAT_E_PROTOCOL unless it has the hash we sent, or the
 * v2 hash of a hybrid we offered to upgrade. */
int handshake_check(const struct identity *id, const struct handshake *offer,
                    const struct handshake *in, bool *v2);

#endif
