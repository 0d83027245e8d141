/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The Bloom filters of a DHT scrape (BEP 33): sets of IP addresses in 256 bytes, from which the
 * number of addresses can be estimated, and which add up with OR. An address sets two of the 2,048
 * bits.
 */
#ifndef PEER_CORE_DHT_BLOOM_H
#define PEER_CORE_DHT_BLOOM_H

#include <stdint.h>

#include "common/base/endpoint.h"

enum { DHT_BLOOM_LEN = 256, DHT_BLOOM_BITS = 8 * DHT_BLOOM_LEN };

/* The two bits of an address. To be kept by those who build filters often: it costs a SHA-1. */
struct dht_bloom_bits {
    uint16_t bit[2];
};

struct dht_bloom_bits dht_bloom_bits(const struct endpoint *addr);

static inline void
dht_bloom_set(uint8_t bloom[DHT_BLOOM_LEN], struct dht_bloom_bits bits)
{
    for (unsigned i = 0; i < 2; i++)
        bloom[bits.bit[i] / 8] |= (uint8_t)(1u << bits.bit[i] % 8);
}

/* Adds the addresses of |from| to |bloom|. */
void dht_bloom_merge(uint8_t bloom[DHT_BLOOM_LEN], const uint8_t from[DHT_BLOOM_LEN]);

/* The estimated number of addresses; useful up to some 6,000. */
double dht_bloom_estimate(const uint8_t bloom[DHT_BLOOM_LEN]);

#endif
