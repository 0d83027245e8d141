/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tokens of the DHT: what they bind, and how long they are good.
 */
#include "peer/core/dht_token.h"

#include <criterion/criterion.h>

#define HASH ((const uint8_t *)"mnopqrstuvwxyz123456")

static const struct endpoint us = {.ip = {1, 2, 3, 4}, .port = 6881, .family = IP_V4};

static struct dht_token_keys
keys(void)
{
    struct dht_token_keys k;

    dht_token_init(&k, (const uint8_t *)"0123456789abcdef");
    return k;
}

static struct mono
at_ms(int64_t ms)
{
    return mono_add_ms((struct mono){0}, ms);
}

Test(dht_token, good_in_its_period_and_the_next_one)
{
    struct dht_token_keys k = keys();
    uint8_t token[DHT_TOKEN_LEN];

    dht_token_make(&k, &us, HASH, at_ms(3 * DHT_TOKEN_PERIOD_MS + 5), token);
    cr_assert(
        dht_token_check(&k, token, sizeof(token), &us, HASH, at_ms(3 * DHT_TOKEN_PERIOD_MS + 5)));
    cr_assert(
        dht_token_check(&k, token, sizeof(token), &us, HASH, at_ms(5 * DHT_TOKEN_PERIOD_MS - 1)));
    cr_assert_not(
        dht_token_check(&k, token, sizeof(token), &us, HASH, at_ms(5 * DHT_TOKEN_PERIOD_MS)));
    /* Nor is it good before it was made. */
    cr_assert_not(
        dht_token_check(&k, token, sizeof(token), &us, HASH, at_ms(3 * DHT_TOKEN_PERIOD_MS - 1)));
}

/* A clock may start near zero: the period before the first one is no special case. */
Test(dht_token, the_first_period)
{
    struct dht_token_keys k = keys();
    uint8_t token[DHT_TOKEN_LEN];

    dht_token_make(&k, &us, HASH, at_ms(0), token);
    cr_assert(dht_token_check(&k, token, sizeof(token), &us, HASH, at_ms(0)));
    cr_assert(dht_token_check(&k, token, sizeof(token), &us, HASH, at_ms(DHT_TOKEN_PERIOD_MS)));
}

Test(dht_token, binds_address_and_info_hash_but_no_port)
{
    struct dht_token_keys k = keys(), other;
    struct endpoint e = us;
    uint8_t token[DHT_TOKEN_LEN];

    dht_token_make(&k, &us, HASH, at_ms(0), token);
    e.port = 1;
    cr_assert(dht_token_check(&k, token, sizeof(token), &e, HASH, at_ms(0)));
    e.ip[3]++;
    cr_assert_not(dht_token_check(&k, token, sizeof(token), &e, HASH, at_ms(0)));
    /* The IPv6 address that begins with the same bytes. */
    e = us;
    e.family = IP_V6;
    cr_assert_not(dht_token_check(&k, token, sizeof(token), &e, HASH, at_ms(0)));
    cr_assert_not(dht_token_check(&k, token, sizeof(token), &us,
                                  (const uint8_t *)"mnopqrstuvwxyz123457", at_ms(0)));
    dht_token_init(&other, (const uint8_t *)"0123456789abcdeg");
    cr_assert_not(dht_token_check(&other, token, sizeof(token), &us, HASH, at_ms(0)));
}

Test(dht_token, every_bit_and_the_length_count)
{
    struct dht_token_keys k = keys();
    uint8_t token[DHT_TOKEN_LEN + 1] = {0};

    dht_token_make(&k, &us, HASH, at_ms(0), token);
    for (size_t len = 0; len < sizeof(token) + 1; len++)
        cr_assert_eq(dht_token_check(&k, token, len, &us, HASH, at_ms(0)), len == DHT_TOKEN_LEN);
    cr_assert_not(dht_token_check(&k, NULL, 0, &us, HASH, at_ms(0)));
    for (unsigned bit = 0; bit < 8 * DHT_TOKEN_LEN; bit++) {
        token[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_not(dht_token_check(&k, token, DHT_TOKEN_LEN, &us, HASH, at_ms(0)));
        token[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
