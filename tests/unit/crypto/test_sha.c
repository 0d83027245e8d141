/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-1 and SHA-256 against the vectors of FIPS 180, and the ways of computing them against each
 * other.
 */
#include "common/crypto/sha.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/crypto/shamany.h"

static const char *
hex(const uint8_t *bytes, size_t len)
{
    static char text[2 * SHA256_LEN + 1];

    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

Test(sha, sha1_vectors)
{
    uint8_t out[SHA1_LEN];

    sha1("", 0, out);
    cr_assert_str_eq(hex(out, sizeof(out)), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    sha1("abc", 3, out);
    cr_assert_str_eq(hex(out, sizeof(out)), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

Test(sha, sha256_vectors)
{
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    uint8_t out[SHA256_LEN];

    sha256("", 0, out);
    cr_assert_str_eq(hex(out, sizeof(out)),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256("abc", 3, out);
    cr_assert_str_eq(hex(out, sizeof(out)),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(two_blocks, strlen(two_blocks), out);
    cr_assert_str_eq(hex(out, sizeof(out)),
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha, pair_is_the_hash_of_both)
{
    uint8_t both[64], expected[SHA256_LEN], out[SHA256_LEN];

    for (size_t i = 0; i < sizeof(both); i++)
        both[i] = (uint8_t)i;
    sha256(both, sizeof(both), expected);
    sha256_pair(both, both + 32, out);
    cr_assert_arr_eq(out, expected, sizeof(out));
}

Test(sha, pair_may_write_over_its_input)
{
    uint8_t left[32] = {1}, right[32] = {2}, expected[32];

    sha256_pair(left, right, expected);
    sha256_pair(left, right, left);
    cr_assert_arr_eq(left, expected, sizeof(left));
}

Test(sha, many_are_each_hashed)
{
    const void *data[] = {"", "abc", "a longer one"};
    const size_t len[] = {0, 3, 12};
    uint8_t out[3 * SHA256_LEN], expected[SHA256_LEN];

    sha256_many(data, len, 3, out);
    for (size_t i = 0; i < 3; i++) {
        sha256(data[i], len[i], expected);
        cr_assert_arr_eq(out + i * SHA256_LEN, expected, SHA256_LEN, "message %zu", i);
    }
}

Test(sha, incremental_equals_one_shot_and_starts_over)
{
    static const enum sha_kind kinds[] = {SHA_1, SHA_256};
    char message[300];

    memset(message, 'm', sizeof(message));
    for (size_t k = 0; k < 2; k++) {
        struct sha *s = sha_new(kinds[k]);
        size_t digest_len = kinds[k] == SHA_1 ? SHA1_LEN : SHA256_LEN;
        uint8_t expected[SHA256_LEN], out[SHA256_LEN];

        cr_assert_not_null(s);
        if (kinds[k] == SHA_1)
            sha1(message, sizeof(message), expected);
        else
            sha256(message, sizeof(message), expected);
        for (int round = 0; round < 2; round++) {
            for (size_t i = 0; i < sizeof(message); i += 50)
                sha_update(s, message + i, 50);
            sha_final(s, out);
            cr_assert_arr_eq(out, expected, digest_len, "kind %zu round %d", k, round);
        }
        sha_free(s);
    }
    sha_free(NULL);
}
