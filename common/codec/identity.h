/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The identity of a torrent: its info-hashes. Handshakes, announces, the directory of torrents,
 * lock files and the database use an identity and need no metainfo, so that a torrent known only by
 * a magnet link needs no special case there.
 */
#ifndef COMMON_CODEC_IDENTITY_H
#define COMMON_CODEC_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INFO_HASH_V1_LEN = 20, INFO_HASH_V2_LEN = 32, WIRE_HASH_LEN = 20 };

struct identity {
    bool has_v1, has_v2;          /* at least one; both: a hybrid (BEP 52) */
    uint8_t v1[INFO_HASH_V1_LEN]; /* SHA-1 of the info dictionary (BEP 3); zeros without |has_v1| */
    uint8_t v2[INFO_HASH_V2_LEN]; /* SHA-256 of the info dictionary (BEP 52); zeros without
                                     |has_v2| */
};

static inline bool
identity_is_hybrid(const struct identity *id)
{
    return id->has_v1 && id->has_v2;
}

/* True if both have the same kinds of hashes and the same hashes. */
bool identity_equal(const struct identity *a, const struct identity *b);

/* The 20 bytes that stand for the torrent in handshakes, announces and the DHT: the v1 info-hash,
 * or the first 20 bytes of the v2 one. In a hybrid, |v2| selects the hash; otherwise |v2| is
 * ignored. */
const uint8_t *identity_wire_hash(const struct identity *id, bool v2);

/* True if |hash| is the wire hash of that kind. */
bool identity_has_wire_hash(const struct identity *id, bool v2, const uint8_t hash[WIRE_HASH_LEN]);

/* The hash that names the torrent on disk: the full v2 info-hash if there is one, else the v1
 * info-hash. |*len| is 32 or 20. */
const uint8_t *identity_key(const struct identity *id, size_t *len);

#endif
