/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tokens of the DHT (BEP 5): a response to get_peers carries a token, and an announce_peer must
 * bring it back, which proves that the announcer receives at the address that it sends from. A
 * token is a MAC over the announcer's address, the info-hash and the number of the current period,
 * so that nothing is stored. It is good until the end of the next period: 5 to 10 minutes.
 */
#ifndef PEER_CORE_DHT_TOKEN_H
#define PEER_CORE_DHT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/crypto/mac.h"
#include "peer/core/dht_id.h"

enum {
    DHT_TOKEN_LEN = 8, /* bytes of our tokens */
    DHT_TOKEN_PERIOD_MS = 300000,
};

/* Embedded; private. */
struct dht_token_keys {
    uint8_t key[MAC_KEY_LEN];
};

/* |key|: random bytes, secret. */
void dht_token_init(struct dht_token_keys *k, const uint8_t key[MAC_KEY_LEN]);

/* Makes the token for announces of |info_hash| from the address of |to|, with any port. */
void dht_token_make(const struct dht_token_keys *k, const struct endpoint *to,
                    const uint8_t info_hash[DHT_ID_LEN], struct mono now,
                    uint8_t token[DHT_TOKEN_LEN]);

/* True if |token|, of |len| bytes, was made for that address and info-hash in this period or the
 * previous one. The time of the call does not depend on how many bytes are right. */
bool dht_token_check(const struct dht_token_keys *k, const uint8_t *token, size_t len,
                     const struct endpoint *from, const uint8_t info_hash[DHT_ID_LEN],
                     struct mono now);

#endif
