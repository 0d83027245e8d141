/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The Bloom filters of DHT scrapes: the vector of BEP 33, and the ends of the estimate.
 */
#include "peer/core/dht_bloom.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "common/base/hex.h"

static const char VECTOR[] = "f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75"
                             "ee7ccbaefe5eedb1fbfaff67f6abff5e43ddbca3fd9b9ffdf4ffd3e9dff12d1b"
                             "df59db53dbe9fa5b7ff3b8fdfcde1afb8bedd7be2f3ee71ebbbfe93bcdeefe14"
                             "8246c2bc5dbff7e7efdcf24fd8dc7adffd8fffdfddfff7a4bbeedf5cb95ce81f"
                             "c7fcff1ff4ffffdfe5f7fdcbb7fd79b3fa1fc77bfe07fff905b7b7ffc7fefeff"
                             "e0b8370bb0cd3f5b7f2bd93feb4386cfdd6f7fd5bfaf2e9ebffffeecd67adbf7"
                             "c67f17efd5d75eba6ffeba7fff47a91eb1bfbb53e8abfb5762abe8ff237279bf"
                             "efbfeef5ffc5febfdfe5adffadfee1fb737ffffbfd9f6aeffeee76b6fd8f72ef";

static void
add(uint8_t bloom[DHT_BLOOM_LEN], const struct endpoint *e)
{
    dht_bloom_set(bloom, dht_bloom_bits(e));
}

Test(dht_bloom, vector_of_bep_33)
{
    uint8_t v4[DHT_BLOOM_LEN] = {0}, bloom[DHT_BLOOM_LEN] = {0};
    char hex[HEX_SIZE(DHT_BLOOM_LEN)];
    struct endpoint e = {.ip = {192, 0, 2}, .family = IP_V4};

    for (unsigned i = 0; i < 256; i++) {
        e.ip[3] = (uint8_t)i;
        add(v4, &e);
    }
    e = (struct endpoint){.ip = {0x20, 0x01, 0x0d, 0xb8}, .port = 7, .family = IP_V6};
    for (uint16_t i = 0; i <= 0x3e7; i++) {
        put_u16be(e.ip + 14, i);
        add(bloom, &e);
    }
    dht_bloom_merge(bloom, v4);
    cr_assert_str_eq(hex_encode(bloom, DHT_BLOOM_LEN, hex), VECTOR);
    cr_assert_float_eq(dht_bloom_estimate(bloom), 1224.9308, 0.0001);
}

Test(dht_bloom, estimates_of_few_and_of_a_full_filter)
{
    uint8_t bloom[DHT_BLOOM_LEN] = {0};
    struct endpoint e = {.ip = {192, 168, 1, 1}, .family = IP_V4};

    cr_assert_eq(dht_bloom_estimate(bloom), 0);
    add(bloom, &e);
    cr_assert_float_eq(dht_bloom_estimate(bloom), 1, 0.01);
    add(bloom, &e);
    cr_assert_float_eq(dht_bloom_estimate(bloom), 1, 0.01);
    memset(bloom, 0xff, sizeof(bloom));
    cr_assert_gt(dht_bloom_estimate(bloom), 6000);
    cr_assert_lt(dht_bloom_estimate(bloom), 10000);
}
