/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ids of DHT nodes: the vectors of BEP 42 and the arithmetic of distances.
 */
#include "peer/core/dht_id.h"

#include <criterion/criterion.h>

#include "common/base/hex.h"

static struct endpoint
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct endpoint){.family = IP_V4, .ip = {a, b, c, d}, .port = 6881};
}

static void
from_hex(uint8_t id[DHT_ID_LEN], const char *hex)
{
    for (unsigned i = 0; i < DHT_ID_LEN; i++)
        id[i] = (uint8_t)(hex_digit_value(hex[2 * i]) << 4 | hex_digit_value(hex[2 * i + 1]));
}

/* RFC 3720, B.4, and the usual check value. */
Test(dht_id, crc32c_has_the_values_of_the_rfc)
{
    uint8_t bytes[32] = {0};

    cr_assert_eq(dht_crc32c((const uint8_t *)"123456789", 9), 0xe3069283);
    cr_assert_eq(dht_crc32c(bytes, 32), 0x8a9136aa);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    cr_assert_eq(dht_crc32c(bytes, 32), 0x46dd794e);
}

static const struct {
    uint8_t ip[4];
    uint8_t r;
    const char *id;
} vectors[] = {
    {{124, 31, 75, 21}, 1, "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"},
    {{21, 75, 31, 124}, 86, "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"},
    {{65, 23, 51, 170}, 22, "a5d43220bc8f112a3d426c84764f8c2a1150e616"},
    {{84, 124, 73, 14}, 65, "1b0321dd1bb1fe518101ceef99462b947a01ff41"},
    {{43, 213, 53, 83}, 90, "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"},
};

Test(dht_id, the_vectors_of_bep_42)
{
    uint8_t id[DHT_ID_LEN], made[DHT_ID_LEN];
    struct rng rng;

    rng_init(&rng, 1);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const uint8_t *ip = vectors[i].ip;
        struct endpoint addr = v4(ip[0], ip[1], ip[2], ip[3]);

        from_hex(id, vectors[i].id);
        cr_assert(dht_id_valid(id, &addr), "row %zu", i);
        dht_id_make(made, &addr, vectors[i].r, &rng);
        cr_assert_geq(dht_id_common(made, id), DHT_ID_BOUND_BITS, "row %zu", i);
        cr_assert_eq(made[19], id[19]);
        addr.ip[3] ^= 1;
        cr_assert_not(dht_id_valid(id, &addr), "row %zu with another address", i);
    }
}

/* Each of the 21 bits counts, and so do the three bits of the last byte; the bits after them do
 * not. */
Test(dht_id, exactly_the_bound_bits_decide)
{
    struct endpoint addr = v4(84, 124, 73, 14);
    uint8_t id[DHT_ID_LEN];
    struct rng rng;

    rng_init(&rng, 2);
    dht_id_make(id, &addr, 65, &rng);
    for (unsigned bit = 0; bit < 157; bit++) {
        id[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        cr_assert_eq(dht_id_valid(id, &addr), bit >= DHT_ID_BOUND_BITS, "bit %u", bit);
        id[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
    id[19] ^= 1;
    cr_assert_not(dht_id_valid(id, &addr));
}

/* A host has a /64 of IPv6 addresses to choose from, so the lower half must not count. */
Test(dht_id, ipv6_hashes_the_network_half)
{
    struct endpoint addr = {.family = IP_V6, .ip = {0x20, 0x01, 0x48, 0x60, 1, 2, 3, 4, 5}};
    uint8_t id[DHT_ID_LEN];
    struct rng rng;

    rng_init(&rng, 3);
    dht_id_make(id, &addr, 5, &rng);
    cr_assert(dht_id_valid(id, &addr));
    addr.ip[15] = 77;
    cr_assert(dht_id_valid(id, &addr), "another host of the network");
    addr.ip[7] ^= 1;
    cr_assert_not(dht_id_valid(id, &addr), "another network");
}

Test(dht_id, local_networks_are_exempt)
{
    const struct endpoint exempt[] = {v4(10, 1, 2, 3),
                                      v4(172, 16, 0, 1),
                                      v4(192, 168, 1, 1),
                                      v4(169, 254, 1, 1),
                                      v4(127, 0, 0, 1),
                                      {.family = IP_V6, .ip = {0xfe, 0x80, [15] = 1}},
                                      {.family = IP_V6, .ip = {[15] = 1}}};
    const struct endpoint bound[] = {
        v4(11, 1, 2, 3), v4(172, 32, 0, 1), {.family = IP_V6, .ip = {0x20, 1, [15] = 1}}};
    uint8_t id[DHT_ID_LEN] = {0xab, 0xcd};

    for (size_t i = 0; i < sizeof(exempt) / sizeof(exempt[0]); i++)
        cr_assert(dht_id_valid(id, &exempt[i]), "row %zu", i);
    for (size_t i = 0; i < sizeof(bound) / sizeof(bound[0]); i++)
        cr_assert_not(dht_id_valid(id, &bound[i]), "row %zu", i);
}

Test(dht_id, distance_is_xor)
{
    uint8_t a[DHT_ID_LEN] = {0x80}, b[DHT_ID_LEN] = {0x7f}, target[DHT_ID_LEN] = {0};

    cr_assert_gt(dht_id_compare(a, b, target), 0);
    target[0] = 0xff;
    cr_assert_lt(dht_id_compare(a, b, target), 0);
    cr_assert_eq(dht_id_compare(a, a, target), 0);
    cr_assert_eq(dht_id_common(a, b), 0);
    cr_assert_eq(dht_id_common(a, a), DHT_ID_BITS);
    memcpy(b, a, sizeof(b));
    b[19] ^= 1;
    cr_assert_eq(dht_id_common(a, b), DHT_ID_BITS - 1);
    cr_assert_lt(dht_id_compare(a, b, a), 0, "the last byte counts too");
}

Test(dht_id, a_near_id_has_exactly_the_common_bits)
{
    uint8_t id[DHT_ID_LEN], near[DHT_ID_LEN];
    struct rng rng;

    rng_init(&rng, 4);
    rng_fill(&rng, id, sizeof(id));
    for (unsigned common = 0; common < DHT_ID_BITS; common++) {
        dht_id_near(near, id, common, &rng);
        cr_assert_eq(dht_id_common(near, id), common);
    }
}
