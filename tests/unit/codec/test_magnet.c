/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Magnet links: every parameter, the round trip, hostile and sloppy input.
 */
#include "common/codec/magnet.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/codec/made_torrent.h"

#define HEX1  "0123456789abcdef0123456789ABCDEF01234567"
#define LOW1  "0123456789abcdef0123456789abcdef01234567"
#define HEX2  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define START "magnet:?xt=urn:btih:" HEX1

static struct magnet *
parse(const char *text)
{
    struct magnet *m = NULL;
    struct errbuf eb = {0};

    cr_assert_eq(magnet_parse(text, &m, &eb), 0, "%s: %s", text, eb.text);
    return m;
}

static void
expect_error(const char *text, int expected)
{
    struct magnet *m = NULL;
    struct errbuf eb = {0};
    int err = magnet_parse(text, &m, &eb);

    cr_assert_eq(err, expected, "%.100s: %d", text, err);
    cr_assert_gt(strlen(eb.text), 0);
    cr_assert_null(m);
}

static void
expect_print(const char *text, const char *expected)
{
    struct magnet *m = parse(text);
    struct buf out;

    buf_init(&out, 10000);
    cr_assert_eq(magnet_print(m, &out), 0);
    cr_assert_str_eq(buf_str(&out), expected);
    buf_fini(&out);
    magnet_free(m);
}

Test(magnet, v1_in_hex)
{
    struct magnet *m = parse(START);

    cr_assert(m->id.has_v1);
    cr_assert_not(m->id.has_v2);
    cr_assert_eq(m->id.v1[0], 0x01);
    cr_assert_eq(m->id.v1[15], 0xef);
    cr_assert_eq(m->id.v1[19], 0x67);
    cr_assert_null(m->name);
    cr_assert_eq(m->tracker_count + m->web_seed_count + m->peer_count + m->range_count, 0);
    magnet_free(m);
    magnet_free(NULL);
}

Test(magnet, v1_in_base32)
{
    /* The same 20 bytes as LOW1. */
    expect_print("magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH",
                 "magnet:?xt=urn:btih:" LOW1);
    expect_print("magnet:?xt=urn:btih:aerukz4jvpg66ajdivtytk6n54asgrlh",
                 "magnet:?xt=urn:btih:" LOW1);
}

Test(magnet, v2_and_hybrid)
{
    struct magnet *m = parse("magnet:?xt=urn:btmh:1220" HEX2);

    cr_assert_not(m->id.has_v1);
    cr_assert(m->id.has_v2);
    cr_assert_eq(m->id.v2[31], 0xff);
    magnet_free(m);
    expect_print("magnet:?xt=urn:btmh:1220" HEX2 "&xt=urn:btih:" HEX1,
                 "magnet:?xt=urn:btih:" LOW1 "&xt=urn:btmh:1220" HEX2);
}

Test(magnet, case_and_escapes_and_numbers_in_keys)
{
    expect_print("MAGNET:?XT=urn%3ABTIH%3A" HEX1, "magnet:?xt=urn:btih:" LOW1);
    expect_print("magnet:?xt.1=urn:btih:" HEX1 "&xt.2=urn:btmh:1220" HEX2 "&tr.0=udp://a:1",
                 "magnet:?xt=urn:btih:" LOW1 "&xt=urn:btmh:1220" HEX2 "&tr=udp%3A%2F%2Fa%3A1");
    expect_print(START "&xt=urn:sha1:whatever&foo=bar&&=&x", "magnet:?xt=urn:btih:" LOW1);
}

Test(magnet, hashes_that_are_none)
{
    expect_error("http://example/", SPRAT_E_SYNTAX);
    expect_error("magnet:", SPRAT_E_SYNTAX);
    expect_error("magnet:?", SPRAT_E_MISSING);
    expect_error("magnet:?dn=x", SPRAT_E_MISSING);
    expect_error("magnet:?xt=urn:sha1:abc", SPRAT_E_MISSING);
    expect_error("magnet:?xt=urn:btih:", SPRAT_E_SYNTAX);
    expect_error("magnet:?xt=urn:btih:0123", SPRAT_E_SYNTAX);
    expect_error(START "0", SPRAT_E_SYNTAX);
    expect_error("magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef0123456g", SPRAT_E_SYNTAX);
    expect_error("magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1", SPRAT_E_SYNTAX);
    expect_error("magnet:?xt=urn:btmh:" HEX2, SPRAT_E_SYNTAX);
    expect_error("magnet:?xt=urn:btmh:1320" HEX2, SPRAT_E_SYNTAX);
    expect_error("magnet:?xt=urn:btmh:1220" HEX1, SPRAT_E_SYNTAX);
}

Test(magnet, two_hashes_of_one_kind)
{
    expect_print(START "&xt=urn:btih:" LOW1, "magnet:?xt=urn:btih:" LOW1);
    expect_error(START "&xt=urn:btih:1123456789abcdef0123456789abcdef01234567", SPRAT_E_MISMATCH);
}

Test(magnet, names)
{
    static const struct {
        const char *in, *out;
    } names[] = {
        {"a+b", "a b"},       {"a%2Bb", "a+b"}, {"%C3%A9", "\xc3\xa9"},       {"%E9", "_"},
        {"a%0Ab%1B", "a b_"}, {"100%", "100%"}, {"first&dn=second", "first"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[200];
        struct magnet *m;

        snprintf(text, sizeof(text), "%s&dn=%s", START, names[i].in);
        m = parse(text);
        cr_assert_str_eq(m->name, names[i].out);
        magnet_free(m);
    }
}

Test(magnet, trackers_and_web_seeds)
{
    struct magnet *m = parse(START "&tr=http%3A%2F%2Fa%2Fann%3Fx%3D1%26y&tr=udp://b:1&tr=junk"
                                   "&tr=udp://b:1&ws=http://w/%20%C3%A9&tr=");

    cr_assert_eq(m->tracker_count, 2);
    cr_assert_str_eq(m->trackers[0], "http://a/ann?x=1&y");
    cr_assert_str_eq(m->trackers[1], "udp://b:1");
    cr_assert_eq(m->web_seed_count, 1);
    /* The space around a URL goes, what is inside is escaped again. */
    cr_assert_str_eq(m->web_seeds[0], "http://w/%20%C3%A9");
    magnet_free(m);
}

Test(magnet, peers)
{
    struct magnet *m = parse(START "&x.pe=10.0.0.1:6881&x.pe=%5B::1%5D:1&x.pe=[fe80::2]:65535"
                                   "&x.pe=host.example:80");

    cr_assert_eq(m->peer_count, 4);
    cr_assert_str_eq(m->peers[0].host, "10.0.0.1");
    cr_assert_eq(m->peers[0].port, 6881);
    cr_assert_str_eq(m->peers[1].host, "::1");
    cr_assert_eq(m->peers[1].port, 1);
    cr_assert_str_eq(m->peers[2].host, "fe80::2");
    cr_assert_eq(m->peers[2].port, 65535);
    cr_assert_str_eq(m->peers[3].host, "host.example");
    magnet_free(m);
}

Test(magnet, peers_that_are_none_are_left_out)
{
    struct magnet *m = parse(START "&x.pe=&x.pe=:1&x.pe=a&x.pe=a:&x.pe=a:0&x.pe=a:65536&x.pe=a:1x"
                                   "&x.pe=::1:5&x.pe=[]:1&x.pe=[::1:5&x.pe=a%20b:1&x.pe=u@h:1"
                                   "&x.pe=a%00b:1&x.pe=[::1]5");

    cr_assert_eq(m->peer_count, 0);
    magnet_free(m);
}

Test(magnet, file_selection)
{
    struct magnet *m = parse(START "&so=0,2,4,6-8&so=10");

    cr_assert_eq(m->range_count, 5);
    cr_assert_eq(m->ranges[0].first, 0);
    cr_assert_eq(m->ranges[0].last, 0);
    cr_assert_eq(m->ranges[3].first, 6);
    cr_assert_eq(m->ranges[3].last, 8);
    cr_assert_eq(m->ranges[4].first, 10);
    magnet_free(m);
    expect_print(START "&so=3-3,5-6", "magnet:?xt=urn:btih:" LOW1 "&so=3,5-6");
}

Test(magnet, a_selection_that_can_not_be_read_is_an_error)
{
    static const char *const bad[] = {"",    "a",   "1,",   ",1",    "1-",      "-1",
                                      "3-2", "1 2", "1--2", "1-2-3", "1000000", "99999999999999"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[200];

        snprintf(text, sizeof(text), "%s&so=%s", START, bad[i]);
        expect_error(text, SPRAT_E_SYNTAX);
    }
}

/* A link of |n| times |part| and a number, to be freed. */
static char *
repeat(const char *part, size_t n)
{
    char *text = malloc(strlen(START) + n * (strlen(part) + 8) + 1), *end = text;

    end += sprintf(end, "%s", START);
    for (size_t i = 0; i < n; i++)
        end += sprintf(end, "%s%zu", part, i);
    return text;
}

/* x.private is ours: only "1" means that the torrent is private. */
Test(magnet, private)
{
    struct magnet *m = parse(START "&x.private=1");

    cr_assert(m->is_private);
    magnet_free(m);
    m = parse(START "&x.private=0&x.pe=1.2.3.4:5");
    cr_assert_not(m->is_private);
    magnet_free(m);
    expect_print(START "&x.private=1", "magnet:?xt=urn:btih:" LOW1 "&x.private=1");
    expect_print(START "&x.private=yes", "magnet:?xt=urn:btih:" LOW1);
}

Test(magnet, everything_is_bounded)
{
    char *trackers = repeat("&tr=udp://a:", MAGNET_TRACKERS_MAX + 5);
    char *peers = repeat("&x.pe=a:", MAGNET_PEERS_MAX + 6);
    char *ranges = repeat("&so=", MAGNET_RANGES_MAX + 1);
    char *large = repeat("&foo=", MAGNET_LEN_MAX / 6);
    struct magnet *m = parse(trackers);

    cr_assert_eq(m->tracker_count, MAGNET_TRACKERS_MAX);
    magnet_free(m);
    m = parse(peers);
    cr_assert_eq(m->peer_count, MAGNET_PEERS_MAX);
    magnet_free(m);
    expect_error(ranges, SPRAT_E_TOOBIG);
    expect_error(large, SPRAT_E_TOOBIG);
    free(trackers);
    free(peers);
    free(ranges);
    free(large);
}

Test(magnet, what_is_printed_is_read_again)
{
    expect_print(START "&dn=a%20%26%20b%2Bc&tr=http%3A%2F%2Fa%2F%3Fb%3Dc&ws=http%3A%2F%2Fw%2F"
                       "&x.pe=%5B%3A%3A1%5D:5&x.pe=h:1&so=1,4-7",
                 "magnet:?xt=urn:btih:" LOW1 "&dn=a%20%26%20b%2Bc&tr=http%3A%2F%2Fa%2F%3Fb%3Dc"
                 "&ws=http%3A%2F%2Fw%2F&x.pe=%5B%3A%3A1%5D:5&x.pe=h:1&so=1,4-7");
}

Test(magnet, the_link_of_a_torrent)
{
    static const struct made_file one[] = {{.path = "", .length = 5}};
    static const char *const urls[] = {"http://a/announce", "udp://b:1"};
    static const struct metainfo_tier tiers[] = {{urls, 1}, {urls + 1, 1}};
    struct metainfo *mi;
    struct magnet *m;
    struct made made;
    struct buf out;

    made_init(&made, METAINFO_HYBRID, "a name", false, 16384, one, 1);
    made.build.tiers = tiers;
    made.build.tier_count = 2;
    mi = made_parse(&made);
    buf_init(&out, 10000);
    cr_assert_eq(magnet_print_metainfo(mi, NULL, &out), 0);
    cr_assert_not_null(strstr(buf_str(&out), "&dn=a%20name&tr=http%3A%2F%2Fa%2Fannounce&tr=udp"));
    m = parse(buf_str(&out));
    cr_assert(m->id.has_v1 && m->id.has_v2);
    cr_assert_arr_eq(m->id.v1, mi->id.v1, 20);
    cr_assert_arr_eq(m->id.v2, mi->id.v2, 32);
    cr_assert_str_eq(m->name, "a name");
    cr_assert_eq(m->tracker_count, 2);
    magnet_free(m);
    metainfo_free(mi);
    made_fini(&made);
    buf_fini(&out);
}

Test(magnet, a_buffer_that_is_too_small_is_an_error)
{
    struct magnet *m = parse(START);
    struct buf out;

    buf_init(&out, 20);
    cr_assert_eq(magnet_print(m, &out), SPRAT_E_TOOBIG);
    buf_fini(&out);
    magnet_free(m);
}
