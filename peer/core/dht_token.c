/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tokens as MACs. The period is part of what is signed, so that the key itself never changes.
 */
#include "peer/core/dht_token.h"

#include <string.h>

#include "common/base/bytes.h"

static uint64_t
period_of(struct mono now)
{
    return (uint64_t)(now.us / 1000 / DHT_TOKEN_PERIOD_MS);
}

static uint64_t
mac(const struct dht_token_keys *k, const struct endpoint *e, const uint8_t *info_hash,
    uint64_t period)
{
    uint8_t in[16 + 1 + DHT_ID_LEN + 8];

    memcpy(in, e->ip, 16);
    in[16] = e->family;
    memcpy(in + 17, info_hash, DHT_ID_LEN);
    put_u64be(in + 17 + DHT_ID_LEN, period);
    return mac_siphash(k->key, in, sizeof(in));
}

void
dht_token_init(struct dht_token_keys *k, const uint8_t key[MAC_KEY_LEN])
{
    memcpy(k->key, key, MAC_KEY_LEN);
}

void
dht_token_make(const struct dht_token_keys *k, const struct endpoint *to,
               const uint8_t info_hash[DHT_ID_LEN], struct mono now, uint8_t token[DHT_TOKEN_LEN])
{
    put_u64be(token, mac(k, to, info_hash, period_of(now)));
}

bool
dht_token_check(const struct dht_token_keys *k, const uint8_t *token, size_t len,
                const struct endpoint *from, const uint8_t info_hash[DHT_ID_LEN], struct mono now)
{
    uint64_t period = period_of(now), is;
    bool now_good, before_good;

    if (len != DHT_TOKEN_LEN)
        return false;
    /* The comparison of two numbers takes the same time whichever bits differ. */
    is = get_u64be(token);
    now_good = (is ^ mac(k, from, info_hash, period)) == 0;
    before_good = (is ^ mac(k, from, info_hash, period - 1)) == 0;
    return now_good | before_good;
}
