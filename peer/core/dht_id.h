/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ids of DHT nodes: the distance between two ids (BEP 5), and ids that are tied to the address of
 * their node (BEP 42). A BEP 42 id begins with 21 bits of a hash of the masked address and of three
 * bits of the id's last byte, so that a host can have only 8 different beginnings. The hash covers
 * 4 bytes of an IPv4 address and the first 8 of an IPv6 address.
 */
#ifndef PEER_CORE_DHT_ID_H
#define PEER_CORE_DHT_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/endpoint.h"
#include "common/base/rng.h"

enum {
    DHT_ID_LEN = 20,
    DHT_ID_BITS = 160,
    DHT_ID_BOUND_BITS = 21, /* leading bits that the address decides */
};

/* CRC-32C (Castagnoli; RFC 3720, appendix B.4). */
uint32_t dht_crc32c(const uint8_t *data, size_t len);

/* Makes an id that is valid for the address of |addr|. |r|: the id's last byte. The other free bits
 * are random. */
void dht_id_make(uint8_t id[DHT_ID_LEN], const struct endpoint *addr, uint8_t r, struct rng *rng);

/* True if |id| is valid for the address of |addr|, or the address is exempt: hosts in private
 * networks and on this machine can't know what a stranger sees. */
bool dht_id_valid(const uint8_t id[DHT_ID_LEN], const struct endpoint *addr);

/* < 0 if |a| is closer to |target| than |b| is; 0 if they are equal. */
int dht_id_compare(const uint8_t *a, const uint8_t *b, const uint8_t *target);

/* The number of leading bits that both ids have in common, up to DHT_ID_BITS. */
unsigned dht_id_common(const uint8_t *a, const uint8_t *b);

/* Makes a random id with exactly |common| leading bits of |id|. |common| < DHT_ID_BITS. */
void dht_id_near(uint8_t out[DHT_ID_LEN], const uint8_t *id, unsigned common, struct rng *rng);

static inline bool
dht_id_equal(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, DHT_ID_LEN) == 0;
}

static inline bool
dht_id_is_zero(const uint8_t *id)
{
    static const uint8_t zero[DHT_ID_LEN];

    return dht_id_equal(id, zero);
}

#endif
