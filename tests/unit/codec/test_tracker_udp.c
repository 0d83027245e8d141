/* SPDX-License-Identifier: BSD-2-Clause
 *
 * UDP tracker packets: both sides against each other, the layouts of BEP 15, the examples of BEP
 * 41, and every length that is too short.
 */
#include "common/codec/tracker_udp.h"

#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

static struct tracker_announce
sample(void)
{
    struct tracker_announce a = {.uploaded = 0x1122334455667788,
                                 .downloaded = 1,
                                 .left = UINT64_MAX,
                                 .key = 0xcafe,
                                 .numwant = TRACKER_NUMWANT_DEFAULT,
                                 .port = 6881,
                                 .event = TRACKER_EVENT_STARTED};

    memset(a.info_hash, 'h', 20);
    memset(a.peer_id, 'p', 20);
    return a;
}

Test(tracker_udp, connect_both_ways)
{
    uint8_t p[TRACKER_UDP_REQUEST_MAX];
    struct tracker_udp_request q;
    struct tracker_udp_head h;
    uint64_t connection;

    cr_assert_eq(tracker_udp_put_connect(p, 0xabcd), 16);
    cr_assert_arr_eq(p, "\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0\0\0\xab\xcd", 16);
    cr_assert_eq(tracker_udp_parse_request(&q, p, 16), 0);
    cr_assert_eq(q.action, TRACKER_UDP_CONNECT);
    cr_assert_eq(q.transaction, 0xabcd);
    p[7] ^= 1;
    cr_assert_eq(tracker_udp_parse_request(&q, p, 16), SPRAT_E_PROTOCOL);
    cr_assert_eq(tracker_udp_put_connect_reply(p, 0xabcd, 77), 16);
    cr_assert_eq(tracker_udp_parse_head(&h, p, 16), 0);
    cr_assert_eq(h.transaction, 0xabcd);
    cr_assert_eq(tracker_udp_parse_connect(&connection, p, 16), 0);
    cr_assert_eq(connection, 77);
    cr_assert_eq(tracker_udp_parse_connect(&connection, p, 15), SPRAT_E_TRUNCATED);
}

Test(tracker_udp, announce_request_layout)
{
    struct tracker_announce a = sample();
    uint8_t p[TRACKER_UDP_REQUEST_MAX];

    cr_assert_eq(tracker_udp_put_announce(p, 1, 2, &a, NULL), TRACKER_UDP_ANNOUNCE_LEN);
    cr_assert_eq(get_u64be(p), 1);
    cr_assert_eq(get_u32be(p + 8), 1);
    cr_assert_eq(get_u32be(p + 12), 2);
    cr_assert_eq(p[16], 'h');
    cr_assert_eq(p[36], 'p');
    cr_assert_eq(get_u64be(p + 56), a.downloaded);
    cr_assert_eq(get_u64be(p + 64), a.left);
    cr_assert_eq(get_u64be(p + 72), a.uploaded);
    cr_assert_eq(get_u32be(p + 80), 2);
    cr_assert_eq(get_u32be(p + 84), 0);
    cr_assert_eq(get_u32be(p + 88), a.key);
    cr_assert_eq(get_u32be(p + 92), 0xffffffff);
    cr_assert_eq(get_u16be(p + 96), 6881);
}

Test(tracker_udp, announce_request_is_read_back)
{
    struct tracker_announce a = sample();
    struct tracker_udp_request q;
    uint8_t p[TRACKER_UDP_REQUEST_MAX];
    size_t len = tracker_udp_put_announce(p, 1, 2, &a, "/announce?passkey=abc");

    cr_assert_eq(tracker_udp_parse_request(&q, p, len), 0);
    cr_assert_eq(q.connection, 1);
    cr_assert_eq(q.announce.uploaded, a.uploaded);
    cr_assert_eq(q.announce.downloaded, a.downloaded);
    cr_assert_eq(q.announce.left, a.left);
    cr_assert_eq(q.announce.key, a.key);
    cr_assert_eq(q.announce.numwant, -1);
    cr_assert_eq(q.announce.port, a.port);
    cr_assert_eq(q.announce.event, a.event);
    cr_assert_str_eq(q.url_data, "/announce?passkey=abc");
    for (size_t cut = 0; cut < TRACKER_UDP_ANNOUNCE_LEN; cut++)
        cr_assert_eq(tracker_udp_parse_request(&q, p, cut), SPRAT_E_TRUNCATED, "%zu", cut);
    put_u32be(p + 80, 99);
    cr_assert_eq(tracker_udp_parse_request(&q, p, len), 0);
    cr_assert_eq(q.announce.event, TRACKER_EVENT_NONE);
}

Test(tracker_udp, long_url_data_is_cut_into_options)
{
    static char url[TRACKER_UDP_URL_MAX + 2];
    struct tracker_announce a = sample();
    struct tracker_udp_request q;
    uint8_t p[TRACKER_UDP_REQUEST_MAX];
    size_t len;

    memset(url, 'u', TRACKER_UDP_URL_MAX);
    len = tracker_udp_put_announce(p, 1, 2, &a, url);
    cr_assert_eq(len, TRACKER_UDP_ANNOUNCE_LEN + TRACKER_UDP_URL_MAX + 2 * 5);
    cr_assert_eq(tracker_udp_parse_request(&q, p, len), 0);
    cr_assert_str_eq(q.url_data, url);
    url[TRACKER_UDP_URL_MAX] = 'u';
    cr_assert_eq(tracker_udp_put_announce(p, 1, 2, &a, url), TRACKER_UDP_ANNOUNCE_LEN);
}

static int
parse_options(struct tracker_udp_request *q, const char *options, size_t options_len)
{
    struct tracker_announce a = sample();
    static uint8_t p[TRACKER_UDP_ANNOUNCE_LEN + 2048];

    tracker_udp_put_announce(p, 1, 2, &a, NULL);
    memcpy(p + TRACKER_UDP_ANNOUNCE_LEN, options, options_len);
    return tracker_udp_parse_request(q, p, TRACKER_UDP_ANNOUNCE_LEN + options_len);
}

#define OPTIONS(q, s) parse_options(q, s, sizeof(s) - 1)

Test(tracker_udp, examples_of_bep_41)
{
    struct tracker_udp_request q;

    cr_assert_eq(OPTIONS(&q, "\x02\x0c/dir?a=b&c=d"), 0);
    cr_assert_str_eq(q.url_data, "/dir?a=b&c=d");
    cr_assert_eq(OPTIONS(&q, "\x02\x0c/dir?a=b&c=d\x01\x01\x00"), 0);
    cr_assert_str_eq(q.url_data, "/dir?a=b&c=d");
    cr_assert_eq(OPTIONS(&q, "\x02\x00"), 0);
    cr_assert_str_empty(q.url_data);
}

Test(tracker_udp, odd_options)
{
    static char many[2048];
    struct tracker_udp_request q;

    cr_assert_eq(OPTIONS(&q, "\x01\x02\x02/a\x77\x03xyz\x02\x02/b\x00\x02\x02/c"), 0);
    cr_assert_str_eq(q.url_data, "/a/b", "unknown ones are skipped, the end ends");
    cr_assert_eq(OPTIONS(&q, "\x02"), SPRAT_E_PROTOCOL);
    cr_assert_eq(OPTIONS(&q, "\x02\x05/abc"), SPRAT_E_PROTOCOL);
    cr_assert_eq(OPTIONS(&q, "\x02\x03/\0c"), SPRAT_E_PROTOCOL);
    for (size_t i = 0; i + 257 <= sizeof(many); i += 257) {
        memset(many + i, 'u', 257);
        many[i] = 2;
        many[i + 1] = (char)255;
    }
    cr_assert_eq(parse_options(&q, many, 5 * 257), SPRAT_E_TOOBIG);
    cr_assert_eq(parse_options(&q, many, 4 * 257), 0);
    cr_assert_eq(strlen(q.url_data), 4 * 255);
}

Test(tracker_udp, announce_reply_by_family)
{
    struct endpoint peers[4];
    struct tracker_reply r;
    uint8_t p[64] = {0};

    tracker_reply_init(&r, NULL, 0);
    r.interval_s = 1800;
    r.complete = 5;
    r.incomplete = UINT64_C(1) << 40;
    cr_assert_eq(tracker_udp_put_announce_head(p, 9, &r), TRACKER_UDP_ANNOUNCE_HEAD);
    cr_assert_eq(get_u32be(p), 1);
    cr_assert_eq(get_u32be(p + 4), 9);
    cr_assert_eq(get_u32be(p + 8), 1800);
    cr_assert_eq(get_u32be(p + 12), UINT32_MAX, "leechers come first, cut to 32 bits");
    cr_assert_eq(get_u32be(p + 16), 5);
    memset(p + 20, 1, 36);
    tracker_reply_init(&r, peers, 4);
    cr_assert_eq(tracker_udp_parse_announce(&r, p, 56, IP_V4), 0);
    cr_assert_eq(r.npeers, 4);
    cr_assert_eq(r.complete, 5);
    tracker_reply_init(&r, peers, 4);
    cr_assert_eq(tracker_udp_parse_announce(&r, p, 56, IP_V6), 0);
    cr_assert_eq(r.npeers, 2);
    cr_assert_eq(r.peers[0].family, IP_V6);
    cr_assert_eq(tracker_udp_parse_announce(&r, p, 19, IP_V4), SPRAT_E_TRUNCATED);
}

Test(tracker_udp, scrape_both_ways)
{
    uint8_t hashes[3][TRACKER_HASH_LEN] = {{1}, {2}, {3}};
    struct tracker_scrape s[3] = {{.complete = 1, .downloaded = 2, .incomplete = 3},
                                  {.complete = TRACKER_UNKNOWN},
                                  {.incomplete = 9}};
    struct tracker_udp_request q;
    uint8_t p[TRACKER_UDP_REQUEST_MAX + 64] = {0};
    size_t len = tracker_udp_put_scrape(p, 1, 2, (const uint8_t(*)[20])hashes, 3);

    cr_assert_eq(len, 76);
    cr_assert_eq(tracker_udp_parse_request(&q, p, len), 0);
    cr_assert_eq(q.nhashes, 3);
    cr_assert_eq(q.hashes[40], 3);
    cr_assert_eq(tracker_udp_parse_request(&q, p, len - 1), 0);
    cr_assert_eq(q.nhashes, 2);
    cr_assert_eq(tracker_udp_parse_request(&q, p, 35), SPRAT_E_TRUNCATED);
    cr_assert_eq(tracker_udp_parse_request(&q, p, 16 + 75 * 20), 0);
    cr_assert_eq(q.nhashes, TRACKER_UDP_SCRAPE_MAX);
    cr_assert_eq(tracker_udp_put_scrape_reply(p, 2, s, 3), 44);
    cr_assert_eq(get_u32be(p + 8), 1, "seeders, completed, leechers");
    cr_assert_eq(get_u32be(p + 12), 2);
    cr_assert_eq(get_u32be(p + 16), 3);
    cr_assert_eq(get_u32be(p + 20), 0);
    cr_assert_eq(tracker_udp_parse_scrape(s, 3, p, 44), 0);
    cr_assert_eq(s[2].incomplete, 9);
    cr_assert_eq(tracker_udp_parse_scrape(s, 3, p, 43), SPRAT_E_TRUNCATED);
}

Test(tracker_udp, errors)
{
    struct tracker_reply r;
    struct tracker_udp_head h;
    uint8_t p[64];

    cr_assert_eq(tracker_udp_put_error(p, 64, 5, "bad thing"), 17);
    cr_assert_eq(tracker_udp_parse_head(&h, p, 17), 0);
    cr_assert_eq(h.action, TRACKER_UDP_ERROR);
    tracker_udp_parse_error(&r, p, 17);
    cr_assert_str_eq(r.failure, "bad thing");
    cr_assert_eq(tracker_udp_put_error(p, 11, 5, "bad thing"), 11);
    cr_assert_eq(tracker_udp_put_error(p, 8, 5, "bad thing"), 8);
    tracker_udp_parse_error(&r, p, 8);
    cr_assert_str_not_empty(r.failure);
    cr_assert_eq(tracker_udp_parse_head(&h, p, 7), SPRAT_E_TRUNCATED);
    put_u32be(p, 4);
    cr_assert_eq(tracker_udp_parse_head(&h, p, 8), SPRAT_E_PROTOCOL);
}

Test(tracker_udp, bad_actions_keep_the_transaction)
{
    struct tracker_udp_request q;
    uint8_t p[TRACKER_UDP_REQUEST_MAX] = {0};

    put_u32be(p + 8, 3);
    put_u32be(p + 12, 42);
    cr_assert_eq(tracker_udp_parse_request(&q, p, 98), SPRAT_E_PROTOCOL);
    cr_assert_eq(q.transaction, 42);
    cr_assert_eq(tracker_udp_parse_request(&q, p, 15), SPRAT_E_TRUNCATED);
    cr_assert_eq(q.transaction, 0);
    cr_assert_eq(tracker_udp_parse_request(&q, NULL, 0), SPRAT_E_TRUNCATED);
}

Test(tracker_udp, url_data_is_peeked_at)
{
    struct tracker_announce a = {.port = 1};
    uint8_t packet[TRACKER_UDP_REQUEST_MAX];
    char url[600];
    size_t len, n = 99;

    memset(url, 'x', sizeof(url) - 1);
    url[sizeof(url) - 1] = '\0';
    len = tracker_udp_put_announce(packet, 1, 2, &a, "/key/announce");
    cr_assert_not_null(tracker_udp_peek_url(packet, len, &n));
    cr_assert_eq(n, 13);
    cr_assert_eq(memcmp(tracker_udp_peek_url(packet, len, &n), "/key/announce", 13), 0);
    packet[len] = 0;
    cr_assert_not_null(tracker_udp_peek_url(packet, len + 1, &n), "the end is said");
    packet[len] = 1;
    cr_assert_null(tracker_udp_peek_url(packet, len + 1, &n), "more options follow");
    cr_assert_null(tracker_udp_peek_url(packet, len - 1, &n), "it is cut");
    packet[100] = '\0';
    cr_assert_null(tracker_udp_peek_url(packet, len, &n));
    len = tracker_udp_put_announce(packet, 1, 2, &a, url);
    cr_assert_null(tracker_udp_peek_url(packet, len, &n), "it is in pieces");
    len = tracker_udp_put_announce(packet, 1, 2, &a, NULL);
    for (size_t i = 0; i <= len; i++)
        cr_assert_null(tracker_udp_peek_url(packet, i, &n));
}
