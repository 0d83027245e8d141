/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bloom filters with the fixed parameters of BEP 33: two bits per address, from its SHA-1.
 */
#include "peer/core/dht_bloom.h"

#include <math.h>

#include "common/crypto/sha.h"

struct dht_bloom_bits
dht_bloom_bits(const struct endpoint *addr)
{
    uint8_t hash[SHA1_LEN];

    sha1(addr->ip, endpoint_ip_len(addr), hash);
    return (struct dht_bloom_bits){{(uint16_t)((hash[0] | hash[1] << 8) % DHT_BLOOM_BITS),
                                    (uint16_t)((hash[2] | hash[3] << 8) % DHT_BLOOM_BITS)}};
}

void
dht_bloom_merge(uint8_t bloom[DHT_BLOOM_LEN], const uint8_t from[DHT_BLOOM_LEN])
{
    for (unsigned i = 0; i < DHT_BLOOM_LEN; i++)
        bloom[i] |= from[i];
}

double
dht_bloom_estimate(const uint8_t bloom[DHT_BLOOM_LEN])
{
    const double m = DHT_BLOOM_BITS;
    unsigned set = 0, clear;

    for (unsigned i = 0; i < DHT_BLOOM_LEN; i++)
        set += (unsigned)__builtin_popcount(bloom[i]);
    clear = DHT_BLOOM_BITS - set;
    /* A full filter is as good as one with a single clear bit. */
    return log((clear > 0 ? clear : 1) / m) / (2 * log(1 - 1 / m));
}
