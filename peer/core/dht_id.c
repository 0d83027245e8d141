/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The arithmetic of DHT ids. BEP 42's text speaks of a 64-bit number for both families; its code
 * and its vectors hash 4 bytes for IPv4, and so does every implementation.
 */
#include "peer/core/dht_id.h"

#include "common/base/bytes.h"

/* CRC-32C of the 16 values of a nibble, reflected polynomial 0x82f63b78. */
static const uint32_t crc_nibbles[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t
dht_crc32c(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ crc_nibbles[crc & 15];
        crc = crc >> 4 ^ crc_nibbles[crc & 15];
    }
    return ~crc;
}

/* The hash whose first DHT_ID_BOUND_BITS bits an id begins with. */
static uint32_t
hash_of(const struct endpoint *addr, uint8_t r)
{
    static const uint8_t mask_v4[4] = {0x03, 0x0f, 0x3f, 0xff};
    static const uint8_t mask_v6[8] = {0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff};
    const uint8_t *mask = addr->family == IP_V4 ? mask_v4 : mask_v6;
    size_t len = addr->family == IP_V4 ? sizeof(mask_v4) : sizeof(mask_v6);
    uint8_t masked[8];

    for (size_t i = 0; i < len; i++)
        masked[i] = addr->ip[i] & mask[i];
    masked[0] |= (uint8_t)((r & 7) << 5);
    return dht_crc32c(masked, len);
}

void
dht_id_make(uint8_t id[DHT_ID_LEN], const struct endpoint *addr, uint8_t r, struct rng *rng)
{
    uint32_t hash = hash_of(addr, r);

    rng_fill(rng, id, DHT_ID_LEN);
    id[0] = (uint8_t)(hash >> 24);
    id[1] = (uint8_t)(hash >> 16);
    id[2] = (uint8_t)((hash >> 8 & 0xf8) | (id[2] & 7));
    id[19] = r;
}

bool
dht_id_valid(const uint8_t id[DHT_ID_LEN], const struct endpoint *addr)
{
    uint32_t differing;

    if (endpoint_scope(addr) != SCOPE_GLOBAL)
        return true;
    differing = get_u32be(id) ^ hash_of(addr, id[19]);
    return differing >> (32 - DHT_ID_BOUND_BITS) == 0;
}

int
dht_id_compare(const uint8_t *a, const uint8_t *b, const uint8_t *target)
{
    for (unsigned i = 0; i < DHT_ID_LEN; i++)
        if (a[i] != b[i])
            return (a[i] ^ target[i]) - (b[i] ^ target[i]);
    return 0;
}

unsigned
dht_id_common(const uint8_t *a, const uint8_t *b)
{
    for (unsigned i = 0; i < DHT_ID_LEN; i++)
        if (a[i] != b[i])
            return i * 8 + (unsigned)__builtin_clz((unsigned)(a[i] ^ b[i])) - 24;
    return DHT_ID_BITS;
}

void
dht_id_near(uint8_t out[DHT_ID_LEN], const uint8_t *id, unsigned common, struct rng *rng)
{
    unsigned byte = common / 8, bit = common % 8;
    uint8_t keep = (uint8_t)(0xff << (8 - bit)), flip = (uint8_t)(0x80 >> bit);

    rng_fill(rng, out, DHT_ID_LEN);
    memcpy(out, id, byte);
    out[byte] =
        (uint8_t)((id[byte] & keep) | (~id[byte] & flip) | (out[byte] & (uint8_t) ~(keep | flip)));
}
