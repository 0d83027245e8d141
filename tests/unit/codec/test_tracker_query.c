/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Announce and scrape URLs as we write them, queries as we and other clients write them, and each
 * field broken in each way.
 */
#include "common/codec/tracker_query.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/base/err.h"

#define GOOD                                                                                       \
    "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=6881&uploaded=1"             \
    "&downloaded=2&left=3"

static struct tracker_announce
sample(void)
{
    struct tracker_announce a = {.uploaded = 7,
                                 .downloaded = UINT64_MAX,
                                 .left = 1,
                                 .key = 0xbeef,
                                 .numwant = 80,
                                 .port = 6881,
                                 .event = TRACKER_EVENT_STARTED,
                                 .compact = true};

    for (int i = 0; i < 20; i++) {
        a.info_hash[i] = (uint8_t)(i * 13);
        a.peer_id[i] = (uint8_t)('A' + i);
    }
    return a;
}

static const char *
announce_url(struct buf *b, const char *url, const struct tracker_announce *a)
{
    buf_reset(b);
    cr_assert_eq(tracker_query_announce_url(b, url, a), 0);
    return buf_str(b);
}

static int
parse(struct tracker_announce *a, const char *query, const char **reason)
{
    *reason = NULL;
    return tracker_query_parse_announce(a, query, strlen(query), reason);
}

static void
expect(const char *query, int err, const char *want)
{
    struct tracker_announce a;
    const char *reason;

    cr_expect_eq(parse(&a, query, &reason), err, "%s: %s", query, reason);
    if (want != NULL)
        cr_expect(reason != NULL && strcmp(reason, want) == 0, "%s: %s", query, reason);
}

Test(tracker_query, announce_url_is_written_whole)
{
    struct tracker_announce a = sample();
    struct buf b;

    buf_init(&b, 8192);
    a.tracker_id = "x y";
    cr_assert_str_eq(
        announce_url(&b, "http://t/announce", &a),
        "http://t/announce?info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7"
        "&peer_id=ABCDEFGHIJKLMNOPQRST&port=6881&uploaded=7"
        "&downloaded=18446744073709551615&left=1&compact=1&no_peer_id=0"
        "&event=started&numwant=80&key=0000BEEF&trackerid=x%20y");
    buf_fini(&b);
}

Test(tracker_query, what_is_not_set_is_not_said)
{
    struct tracker_announce a = sample();
    struct buf b;
    const char *url;

    buf_init(&b, 8192);
    a.event = TRACKER_EVENT_NONE;
    a.numwant = TRACKER_NUMWANT_DEFAULT;
    a.key = 0;
    url = announce_url(&b, "http://t/announce", &a);
    cr_assert_null(strstr(url, "event"));
    cr_assert_null(strstr(url, "numwant"));
    cr_assert_null(strstr(url, "key"));
    cr_assert_null(strstr(url, "trackerid"));
    buf_fini(&b);
}

Test(tracker_query, url_with_a_query_or_a_fragment)
{
    struct tracker_announce a = sample();
    struct buf b;

    buf_init(&b, 8192);
    cr_assert_not_null(
        strstr(announce_url(&b, "http://t/a?passkey=1", &a), "a?passkey=1&info_hash="));
    cr_assert_not_null(strstr(announce_url(&b, "http://t/a?", &a), "/a?info_hash="));
    cr_assert_not_null(strstr(announce_url(&b, "http://t/a?k=1&", &a), "/a?k=1&info_hash="));
    cr_assert_not_null(strstr(announce_url(&b, "http://t/a#frag?x", &a), "/a?info_hash="));
    cr_assert_null(strstr(announce_url(&b, "http://t/a#frag", &a), "frag"));
    buf_fini(&b);
}

Test(tracker_query, url_too_long)
{
    struct tracker_announce a = sample();
    static char url[TRACKER_URL_MAX + 1];
    struct buf b;

    memset(url, 'x', TRACKER_URL_MAX);
    buf_init(&b, 4 * TRACKER_URL_MAX);
    cr_assert_eq(tracker_query_announce_url(&b, url, &a), SPRAT_E_TOOBIG);
    buf_fini(&b);
    buf_init(&b, 16);
    cr_assert_eq(tracker_query_announce_url(&b, "http://t/", &a), SPRAT_E_TOOBIG);
    buf_fini(&b);
}

Test(tracker_query, what_we_write_we_read)
{
    struct tracker_announce a = sample(), back;
    struct buf b;
    const char *query, *reason;

    buf_init(&b, 8192);
    for (int e = TRACKER_EVENT_NONE; e <= TRACKER_EVENT_PAUSED; e++) {
        a.event = (enum tracker_event)e;
        query = strchr(announce_url(&b, "http://t/announce?passkey=1", &a), '?') + 1;
        cr_assert_eq(parse(&back, query, &reason), 0, "%s", reason);
        cr_assert_arr_eq(back.info_hash, a.info_hash, 20);
        cr_assert_arr_eq(back.peer_id, a.peer_id, 20);
        cr_assert_eq(back.downloaded, a.downloaded);
        cr_assert_eq(back.uploaded, a.uploaded);
        cr_assert_eq(back.left, a.left);
        cr_assert_eq(back.key, a.key);
        cr_assert_eq(back.numwant, a.numwant);
        cr_assert_eq(back.port, a.port);
        cr_assert_eq(back.event, a.event);
        cr_assert(back.compact);
    }
    buf_fini(&b);
}

Test(tracker_query, scrape_url)
{
    uint8_t hashes[2][TRACKER_HASH_LEN];
    struct buf b;

    memset(hashes[0], 'x', 20);
    memset(hashes[1], 0xff, 20);
    buf_init(&b, 8192);
    cr_assert_eq(tracker_query_scrape_url(&b, "http://t/x/announce.php?k=1#f",
                                          (const uint8_t(*)[20])hashes, 1),
                 0);
    cr_assert_str_eq(buf_str(&b), "http://t/x/scrape.php?k=1&info_hash=xxxxxxxxxxxxxxxxxxxx");
    buf_reset(&b);
    cr_assert_eq(tracker_query_scrape_url(&b, "http://t/announce", (const uint8_t(*)[20])hashes, 2),
                 0);
    cr_assert_str_eq(buf_str(&b),
                     "http://t/scrape?info_hash=xxxxxxxxxxxxxxxxxxxx&info_hash=%FF%FF%FF"
                     "%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF");
    buf_reset(&b);
    cr_assert_eq(tracker_query_scrape_url(&b, "http://t/a", (const uint8_t(*)[20])hashes, 1),
                 SPRAT_E_NOTFOUND);
    cr_assert_eq(
        tracker_query_scrape_url(&b, "http://t/announce/x", (const uint8_t(*)[20])hashes, 1),
        SPRAT_E_NOTFOUND);
    cr_assert_eq(tracker_query_scrape_url(&b, "x?/announce", (const uint8_t(*)[20])hashes, 1),
                 SPRAT_E_NOTFOUND);
    buf_fini(&b);
}

Test(tracker_query, the_least_is_enough)
{
    struct tracker_announce a;
    const char *reason;

    cr_assert_eq(parse(&a, GOOD, &reason), 0);
    cr_assert(a.compact, "BEP 23: compact is the default");
    cr_assert_not(a.no_peer_id);
    cr_assert_eq(a.numwant, TRACKER_NUMWANT_DEFAULT);
    cr_assert_eq(a.event, TRACKER_EVENT_NONE);
    cr_assert_eq(a.left, 3);
    cr_assert_eq(a.key, 0);
}

Test(tracker_query, forms_that_clients_use)
{
    struct tracker_announce a;
    const char *reason;

    cr_assert_eq(
        parse(&a, "&&" GOOD "&compact=0&no_peer_id=1&&key=DEADBEEF&event=paused&", &reason), 0);
    cr_assert_not(a.compact);
    cr_assert(a.no_peer_id);
    cr_assert_eq(a.key, 0xdeadbeef);
    cr_assert_eq(a.event, TRACKER_EVENT_PAUSED);
    cr_assert_eq(parse(&a, GOOD "&numwant=-1&event=&ip=1.2.3.4&ipv6=%zz&supportcrypto=1", &reason),
                 0);
    cr_assert_eq(a.numwant, TRACKER_NUMWANT_DEFAULT);
    cr_assert_eq(parse(&a, GOOD "&numwant=99999999999&event=invented&key=4k2l9a8x", &reason), 0);
    cr_assert_eq(a.numwant, INT32_MAX);
    cr_assert_eq(a.event, TRACKER_EVENT_NONE);
    cr_assert_neq(a.key, 0);
    cr_assert_eq(parse(&a,
                       "info_hash=%2b+%2Baaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=1"
                       "&uploaded=0&downloaded=0&left=18446744073709551615",
                       &reason),
                 0);
    cr_assert_arr_eq(a.info_hash, "+++a", 4);
    cr_assert_eq(a.left, UINT64_MAX);
}

Test(tracker_query, each_required_field_missing)
{
    static const char *const fields[] = {"info_hash=aaaaaaaaaaaaaaaaaaaa",
                                         "peer_id=bbbbbbbbbbbbbbbbbbbb", "port=6881"};

    for (size_t out = 0; out < 3; out++) {
        char query[256] = "", want[64];

        for (size_t i = 0; i < 3; i++)
            if (i != out)
                snprintf(query + strlen(query), sizeof(query) - strlen(query), "&%s", fields[i]);
        snprintf(want, sizeof(want), "%.*s is missing", (int)strcspn(fields[out], "="),
                 fields[out]);
        expect(query, SPRAT_E_MISSING, want);
    }
    expect("", SPRAT_E_MISSING, "info_hash is missing");
}

Test(tracker_query, numbers_that_are_missing)
{
#define WHO "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=6881"
    static const struct {
        const char *query, *uncounted;
        uint64_t left;
    } cases[] = {
        {WHO, "uploaded is missing", TRACKER_LEFT_UNKNOWN},
        {WHO "&uploaded=1&left=2", "downloaded is missing", 2},
        {WHO "&downloaded=1&left=2", "uploaded is missing", 2},
        {WHO "&uploaded=&downloaded=1&left=2", "uploaded is missing", 2},
        {WHO "&uploaded=1&downloaded&left=2", "downloaded is missing", 2},
        {WHO "&uploaded=1&downloaded=1", NULL, TRACKER_LEFT_UNKNOWN},
        {WHO "&uploaded=1&downloaded=1&left", NULL, TRACKER_LEFT_UNKNOWN},
        {WHO "&uploaded=1&downloaded=1&left=", NULL, TRACKER_LEFT_UNKNOWN},
        {WHO "&uploaded=1&downloaded=1&left=-1", NULL, TRACKER_LEFT_UNKNOWN},
        {WHO "&uploaded=1&downloaded=1&left=0", NULL, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *want = cases[i].uncounted, *reason = NULL;
        struct tracker_announce a;

        cr_assert_eq(
            tracker_query_parse_announce(&a, cases[i].query, strlen(cases[i].query), &reason), 0,
            "%s", cases[i].query);
        cr_assert_eq(a.left, cases[i].left, "%s", cases[i].query);
        cr_assert_str_eq(a.uncounted != NULL ? a.uncounted : "", want != NULL ? want : "", "%s",
                         cases[i].query);
    }
}

Test(tracker_query, each_field_twice)
{
    expect(GOOD "&info_hash=aaaaaaaaaaaaaaaaaaaa", SPRAT_E_SYNTAX, "info_hash is given twice");
    expect(GOOD "&peer_id=aaaaaaaaaaaaaaaaaaaa", SPRAT_E_SYNTAX, "peer_id is given twice");
    expect(GOOD "&port=1", SPRAT_E_SYNTAX, "port is given twice");
    expect(GOOD "&left=0", SPRAT_E_SYNTAX, "left is given twice");
    expect(GOOD "&event=started&event=stopped", SPRAT_E_SYNTAX, "event is given twice");
    expect(GOOD "&key=1&key=1", SPRAT_E_SYNTAX, "key is given twice");
    expect(GOOD "&unknown=1&unknown=1", 0, NULL);
}

Test(tracker_query, broken_values)
{
#define HASH "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb"
    expect("info_hash=aaaaaaaaaaaaaaaaaaa", SPRAT_E_SYNTAX, "info_hash is not 20 bytes long");
    expect("info_hash=aaaaaaaaaaaaaaaaaaaaa", SPRAT_E_SYNTAX, "info_hash is not 20 bytes long");
    expect("info_hash=", SPRAT_E_SYNTAX, "info_hash is not 20 bytes long");
    expect("info_hash", SPRAT_E_SYNTAX, "info_hash is not 20 bytes long");
    expect("info_hash=aaaaaaaaaaaaaaaaaaa%", SPRAT_E_SYNTAX, "info_hash is badly escaped");
    expect("info_hash=aaaaaaaaaaaaaaaaaaa%1", SPRAT_E_SYNTAX, "info_hash is badly escaped");
    expect("info_hash=%gg%61", SPRAT_E_SYNTAX, "info_hash is badly escaped");
    expect("peer_id=%1g", SPRAT_E_SYNTAX, "peer_id is badly escaped");
    expect(HASH "&port=0", SPRAT_E_RANGE, "port is out of range");
    expect(HASH "&port=65536", SPRAT_E_RANGE, "port is out of range");
    expect(HASH "&port=-1", SPRAT_E_RANGE, "port is out of range");
    expect(HASH "&port=80a", SPRAT_E_SYNTAX, "port is not a number");
    expect(HASH "&port=", SPRAT_E_SYNTAX, "port is not a number");
    expect(HASH "&port=-", SPRAT_E_SYNTAX, "port is not a number");
    expect(HASH "&port=+80", SPRAT_E_SYNTAX, "port is not a number");
    expect(HASH "&left=-x", SPRAT_E_SYNTAX, "left is not a number");
    expect(HASH "&uploaded=-5", SPRAT_E_RANGE, "uploaded is out of range");
    expect(HASH "&left=18446744073709551616", SPRAT_E_RANGE, "left is out of range");
    expect(HASH "&left=99999999999999999999999999999999", SPRAT_E_RANGE, "left is out of range");
    expect(HASH "&uploaded=1e3", SPRAT_E_SYNTAX, "uploaded is not a number");
    expect(HASH "&numwant=many", SPRAT_E_SYNTAX, "numwant is not a number");
}

Test(tracker_query, too_long)
{
    static char query[TRACKER_QUERY_MAX + 2];

    memset(query, '&', TRACKER_QUERY_MAX + 1);
    expect(query, SPRAT_E_TOOBIG, "the query is too long");
}

Test(tracker_query, scrape_queries)
{
    uint8_t hashes[2][TRACKER_HASH_LEN];
    const char *reason = NULL;
    const char *two = "info_hash=aaaaaaaaaaaaaaaaaaaa&x=1&info_hash=%62bbbbbbbbbbbbbbbbbbb";
    const char *three = "info_hash=aaaaaaaaaaaaaaaaaaaa&info_hash=aaaaaaaaaaaaaaaaaaaa"
                        "&info_hash=aaaaaaaaaaaaaaaaaaaa";
    size_t n;

    cr_assert_eq(tracker_query_parse_scrape(hashes, 2, &n, two, strlen(two), &reason), 0);
    cr_assert_eq(n, 2);
    cr_assert_arr_eq(hashes[1], "bbbbbbbbbbbbbbbbbbbb", 20);
    cr_assert_eq(tracker_query_parse_scrape(hashes, 2, &n, three, strlen(three), &reason),
                 SPRAT_E_TOOBIG);
    cr_assert_eq(tracker_query_parse_scrape(hashes, 2, &n, "x=1", 3, &reason), SPRAT_E_MISSING);
    cr_assert_eq(tracker_query_parse_scrape(hashes, 2, &n, "info_hash=a", 11, &reason),
                 SPRAT_E_SYNTAX);
}
