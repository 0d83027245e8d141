/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP tracker replies: ours byte by byte, ours read back, and those of sloppy trackers.
 */
#include "common/codec/tracker_http.h"

#include <criterion/criterion.h>

#include "common/base/err.h"

static struct endpoint storage[8];

static int
parse_n(struct tracker_reply *r, const char *body, size_t len)
{
    tracker_reply_init(r, storage, 8);
    return tracker_http_parse_reply(r, (const uint8_t *)body, len);
}

#define PARSE(r, body) parse_n(r, body, sizeof(body) - 1)

static void
expect_body(struct buf *b, const char *want, size_t len)
{
    cr_assert_eq(b->err, 0);
    cr_assert_eq(buf_len(b), len, "%.*s", (int)buf_len(b), (const char *)buf_data(b));
    cr_assert_arr_eq(buf_data(b), want, len);
}

static const uint8_t one_v6[18] = {[15] = 1, [16] = 0x1a, [17] = 0xe1};

Test(tracker_http, writes_compact)
{
    static const char want[] = "d8:completei2e11:external ip4:\x7f\0\0\x09"
                               "10:incompletei3e8:intervali1800e12:min intervali900e"
                               "5:peers6:\x01\x02\x03\x04\x1a\xe1"
                               "6:peers618:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1"
                               "15:warning message4:slowe";
    struct tracker_peers peers = {
        .v4 = (const uint8_t *)"\1\2\3\4\x1a\xe1", .n4 = 1, .v6 = one_v6, .n6 = 1};
    struct tracker_reply r;
    struct buf b;

    buf_init(&b, 4096);
    tracker_reply_init(&r, NULL, 0);
    r.complete = 2;
    r.incomplete = 3;
    r.interval_s = 1800;
    r.min_interval_s = 900;
    r.external = (struct endpoint){.ip = {127, 0, 0, 9}, .family = IP_V4};
    strcpy(r.warning, "slow");
    tracker_http_put_reply(&b, &r, &peers, TRACKER_FORM_COMPACT);
    expect_body(&b, want, sizeof(want) - 1);
    cr_assert_eq(parse_n(&r, want, sizeof(want) - 1), 0);
    cr_assert_eq(r.npeers, 2);
    cr_assert_eq(r.peers[1].family, IP_V6);
    cr_assert_eq(r.external.ip[3], 9);
    cr_assert_str_eq(r.warning, "slow");
    cr_assert_eq(r.min_interval_s, 900);
    buf_fini(&b);
}

Test(tracker_http, an_empty_swarm_still_has_peers)
{
    struct tracker_reply r;
    struct tracker_peers none = {0};
    struct buf b;

    buf_init(&b, 4096);
    tracker_reply_init(&r, NULL, 0);
    r.interval_s = 1;
    tracker_http_put_reply(&b, &r, &none, TRACKER_FORM_COMPACT);
    expect_body(&b, "d8:intervali1e5:peers0:e", 24);
    buf_reset(&b);
    r.external.family = IP_V6;
    tracker_http_put_reply(&b, &r, &none, TRACKER_FORM_DICT);
    cr_assert_not_null(memmem(buf_data(&b), buf_len(&b), "5:peersle", 9));
    buf_fini(&b);
}

Test(tracker_http, writes_dictionaries)
{
    static const char id[] = "abcdefghijklmnopqrst";
    static const char want[] =
        "d8:intervali5e5:peersld2:ip7:1.2.3.47:peer id20:abcdefghijklmnopqrst"
        "4:porti6881eed2:ip3:::14:porti6881eeee";
    struct tracker_peers peers = {.v4 = (const uint8_t *)"\1\2\3\4\x1a\xe1",
                                  .n4 = 1,
                                  .ids4 = (const uint8_t *)id,
                                  .v6 = one_v6,
                                  .n6 = 1};
    struct tracker_reply r;
    struct buf b;

    buf_init(&b, 4096);
    tracker_reply_init(&r, NULL, 0);
    r.interval_s = 5;
    tracker_http_put_reply(&b, &r, &peers, TRACKER_FORM_DICT);
    expect_body(&b, want, sizeof(want) - 1);
    cr_assert_eq(parse_n(&r, want, sizeof(want) - 1), 0);
    cr_assert_eq(r.npeers, 2);
    cr_assert_eq(r.peers[0].port, 6881);
    cr_assert_eq(r.peers[1].ip[15], 1);
    buf_reset(&b);
    tracker_http_put_reply(&b, &r, &peers, TRACKER_FORM_DICT_NO_ID);
    cr_assert_null(memmem(buf_data(&b), buf_len(&b), "peer id", 7));
    buf_fini(&b);
}

Test(tracker_http, failure_and_retry)
{
    struct tracker_reply r;
    struct buf b;

    buf_init(&b, 4096);
    tracker_reply_init(&r, NULL, 0);
    strcpy(r.failure, "go away");
    r.retry_in_min = TRACKER_RETRY_NEVER;
    tracker_http_put_reply(&b, &r, NULL, TRACKER_FORM_COMPACT);
    expect_body(&b, "d14:failure reason7:go away8:retry in5:nevere", 45);
    buf_reset(&b);
    r.retry_in_min = 5;
    tracker_http_put_reply(&b, &r, NULL, TRACKER_FORM_COMPACT);
    expect_body(&b, "d14:failure reason7:go away8:retry ini5ee", 41);
    buf_fini(&b);

    cr_assert_eq(PARSE(&r, "d14:failure reason3:bad8:retry in5:nevere"), 0);
    cr_assert_str_eq(r.failure, "bad");
    cr_assert_eq(r.retry_in_min, TRACKER_RETRY_NEVER);
    cr_assert_eq(PARSE(&r, "d14:failure reason3:bad8:retry in1:5e"), 0);
    cr_assert_eq(r.retry_in_min, 5);
    cr_assert_eq(PARSE(&r, "d14:failure reason3:b\x1b[8:retry ini-5ee"), 0);
    cr_assert_str_eq(r.failure, "b?[");
    cr_assert_eq(r.retry_in_min, TRACKER_RETRY_UNSAID);
    cr_assert_eq(PARSE(&r, "d14:failure reason0:e"), 0);
    cr_assert_str_not_empty(r.failure);
}

Test(tracker_http, sloppy_trackers)
{
    struct tracker_reply r;

    /* Unsorted, numbers as strings, a cut list, bytes behind the end. */
    cr_assert_eq(PARSE(&r, "d5:peers8:\1\2\3\4\0\1xx8:interval4:18008:completei-3ee\r\n"), 0);
    cr_assert_eq(r.interval_s, 1800);
    cr_assert_eq(r.npeers, 1);
    cr_assert_eq(r.complete, TRACKER_UNKNOWN);
    /* Names, empty addresses, bad ports and non-dictionaries are left out; an IPv6 address is not.
     */
    cr_assert_eq(PARSE(&r, "d5:peersl"
                           "d2:ip11:example.com4:porti1ee"
                           "d2:ip7:1.2.3.44:porti0ee"
                           "d2:ip7:1.2.3.44:porti65536ee"
                           "d2:ip7:0.0.0.04:porti1ee"
                           "d2:ip7:1.2.3.4e"
                           "i7e"
                           "d2:ip7:1.2.3.44:port4:6881e"
                           "d2:ip5:fe::14:porti2ee"
                           "ee"),
                 0);
    cr_assert_eq(r.npeers, 2);
    cr_assert_eq(r.peers[0].port, 6881);
    cr_assert_eq(r.peers[1].family, IP_V6);
    cr_assert_eq(r.interval_s, 0);
    /* Huge numbers are cut, of wrong types ignored. */
    cr_assert_eq(PARSE(&r, "d8:intervali9223372036854775807e12:min intervalle"
                           "11:external ip3:abc5:peersi3ee"),
                 0);
    cr_assert_eq(r.interval_s, TRACKER_INTERVAL_MAX);
    cr_assert_eq(r.min_interval_s, 0);
    cr_assert_eq(r.external.family, IP_NONE);
    cr_assert_eq(PARSE(&r, "d8:interval22:9999999999999999999999e"), 0);
    cr_assert_eq(r.interval_s, TRACKER_INTERVAL_MAX);
    cr_assert_eq(PARSE(&r, "d8:interval2:1xe"), 0);
    cr_assert_eq(r.interval_s, 0);
}

Test(tracker_http, more_peers_than_room)
{
    static const char body[] = "d5:peers18:\1\2\3\4\0\1\1\2\3\4\0\2\1\2\3\4\0\3"
                               "6:peers618:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1e";
    struct tracker_reply r;

    tracker_reply_init(&r, storage, 2);
    cr_assert_eq(tracker_http_parse_reply(&r, (const uint8_t *)body, sizeof(body) - 1), 0);
    cr_assert_eq(r.npeers, 2);
    tracker_reply_init(&r, NULL, 0);
    cr_assert_eq(tracker_http_parse_reply(&r, (const uint8_t *)body, sizeof(body) - 1), 0);
    cr_assert_eq(r.npeers, 0);
}

Test(tracker_http, garbage)
{
    struct tracker_reply r;
    static const char good[] = "d8:intervali1800e5:peers6:\1\2\3\4\0\1e";

    cr_assert_lt(PARSE(&r, "<html>not found</html>"), 0);
    cr_assert_lt(PARSE(&r, ""), 0);
    cr_assert_eq(PARSE(&r, "le"), SPRAT_E_TYPE);
    cr_assert_eq(PARSE(&r, "i1e"), SPRAT_E_TYPE);
    cr_assert_eq(PARSE(&r, "de"), SPRAT_E_MISSING);
    cr_assert_eq(PARSE(&r, "d3:fooi1ee"), SPRAT_E_MISSING);
    for (size_t len = 0; len + 1 < sizeof(good); len++)
        cr_assert_lt(parse_n(&r, good, len), 0, "%zu", len);
    cr_assert_eq(parse_n(&r, good, sizeof(good) - 1), 0);
}

Test(tracker_http, scrape_round_trip)
{
    struct tracker_scrape in[3] = {
        {.info_hash = "cccccccccccccccccccc",
         .complete = 1,
         .downloaded = 2,
         .incomplete = 3,
         .downloaders = 2},
        {.info_hash = "aaaaaaaaaaaaaaaaaaaa",
         .complete = 9,
         .downloaded = TRACKER_UNKNOWN,
         .incomplete = 0,
         .downloaders = TRACKER_UNKNOWN},
        {.info_hash = "cccccccccccccccccccc",
         .complete = 1,
         .downloaded = 2,
         .incomplete = 3,
         .downloaders = 2},
    };
    static const char want[] =
        "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei9e10:incompletei0ee"
        "20:ccccccccccccccccccccd8:completei1e10:downloadedi2e11:downloadersi2e"
        "10:incompletei3eeee";
    struct tracker_scrape out[4];
    struct tracker_reply r;
    struct buf b;
    size_t n;

    buf_init(&b, 4096);
    cr_assert_eq(tracker_http_sort_scrape(in, 3), 2);
    tracker_http_put_scrape(&b, in, 2);
    expect_body(&b, want, sizeof(want) - 1);
    tracker_reply_init(&r, NULL, 0);
    cr_assert_eq(tracker_http_parse_scrape(&r, out, 4, &n, buf_data(&b), buf_len(&b)), 0);
    cr_assert_eq(n, 2);
    cr_assert_eq(out[0].downloaded, TRACKER_UNKNOWN);
    cr_assert_eq(out[1].info_hash[0], 'c');
    cr_assert_eq(tracker_http_parse_scrape(&r, out, 1, &n, buf_data(&b), buf_len(&b)), 0);
    cr_assert_eq(n, 1);
    buf_fini(&b);
}

Test(tracker_http, scrape_vector_of_bep_48)
{
    static const char body[] =
        "d5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei11e10:downloadedi13772e10:incompletei19ee"
        "20:yyyyyyyyyyyyyyyyyyyyd8:completei21e10:downloadedi206e10:incompletei20ee"
        "3:badd8:completei1ee20:zzzzzzzzzzzzzzzzzzzzi5eee";
    struct tracker_scrape out[4];
    struct tracker_reply r;
    size_t n;

    tracker_reply_init(&r, NULL, 0);
    cr_assert_eq(tracker_http_parse_scrape(&r, out, 4, &n, (const uint8_t *)body, sizeof(body) - 1),
                 0);
    cr_assert_eq(n, 2, "hashes of another length and entries that are none are left out");
    cr_assert_eq(out[0].downloaded, 13772);
    cr_assert_eq(out[1].incomplete, 20);
}

Test(tracker_http, scrape_failures)
{
    struct tracker_scrape out[1];
    struct tracker_reply r;
    size_t n = 9;

#define SCRAPE(body)                                                                               \
    tracker_http_parse_scrape(&r, out, 1, &n, (const uint8_t *)body, sizeof(body) - 1)
    tracker_reply_init(&r, NULL, 0);
    cr_assert_eq(SCRAPE("d14:failure_reason2:noe"), 0);
    cr_assert_str_eq(r.failure, "no");
    cr_assert_eq(n, 0);
    cr_assert_eq(SCRAPE("de"), SPRAT_E_MISSING);
    cr_assert_eq(SCRAPE("le"), SPRAT_E_TYPE);
    cr_assert_lt(SCRAPE("d5:files"), 0);
}
