/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP requests to the tracker, whole responses out: forms of lists, failures with their reasons,
 * and paths that are none of the tracker's.
 */
#include "tracker/core/http_service.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/codec/tracker_http.h"
#include "tests/unit/tracker/purse.h"

struct rig {
    struct tracker *t;
    struct http_service h;
    struct endpoint from;
    struct buf out;
};

static struct rig *
rig_new(uint8_t family)
{
    static struct rig r;
    static const struct tracker_seed seed = {{1, 2}, 3};
    struct tracker_config config;
    struct tracker_doors doors;

    tracker_config_init(&config);
    config.address_peers = 0; /* all peers here have one address */
    r = (struct rig){.t = tracker_new(&config, &seed)};
    doors = tracker_doors_to(r.t);
    r.from = (struct endpoint){.ip = {127, 0, 0, 1}, .port = 4000, .family = family};
    http_service_init(&r.h, &doors);
    buf_init(&r.out, HTTP_SERVICE_REPLY_MAX);
    return &r;
}

static void
rig_free(struct rig *r)
{
    buf_fini(&r->out);
    http_service_fini(&r->h);
    tracker_free(r->t);
}

static void
ask(struct rig *r, const char *method, const char *target)
{
    static char head[HTTP_HEAD_MAX];
    struct http_request req;
    struct http_scan scan = {0};
    int n = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\n\r\n", method, target);

    cr_assert_eq(http_request_parse(&req, &scan, (const uint8_t *)head, (size_t)n), 0);
    buf_reset(&r->out);
    http_service_answer(&r->h, &req, &r->from, TURN_FIRST, &r->out, (struct mono){5000000});
}

/* Asks for |target| and returns the body, with its length. */
static const char *
get(struct rig *r, const char *target, size_t *len)
{
    const char *body;
    size_t said;

    ask(r, "GET", target);
    body = strstr(buf_str(&r->out), "\r\n\r\n") + 4;
    *len = (size_t)(buf_str(&r->out) + buf_len(&r->out) - body);
    cr_assert_eq(sscanf(strstr(buf_str(&r->out), "Content-Length:"), "Content-Length: %zu", &said),
                 1);
    cr_assert_eq(said, *len);
    return body;
}

static const char *
peer_query(int n, const char *more)
{
    static char target[512];

    snprintf(target, sizeof(target),
             "/announce?info_hash=hhhhhhhhhhhhhhhhhhhh&peer_id=-XX0000-%012d&port=%d&uploaded=0"
             "&downloaded=0&left=%d%s",
             n, 1000 + n, n, more);
    return target;
}

static void
expect_failure(struct rig *r, const char *target, const char *reason)
{
    struct tracker_reply reply;
    size_t len;
    const char *body = get(r, target, &len);

    tracker_reply_init(&reply, NULL, 0);
    cr_assert_eq(tracker_http_parse_reply(&reply, (const uint8_t *)body, len), 0);
    cr_assert_str_eq(reply.failure, reason);
    cr_assert_eq(strncmp(buf_str(&r->out), "HTTP/1.1 200 OK\r\n", 17), 0);
}

Test(http_service, announces_in_all_forms)
{
    struct rig *r = rig_new(IP_V4);
    struct endpoint peers[4];
    struct tracker_reply reply;
    size_t len;
    const char *body;

    get(r, peer_query(0, "&event=started"), &len);
    body = get(r, peer_query(1, "&ip=9.9.9.9&ipv6=%5B::1%5D"), &len);
    cr_assert_not_null(memmem(body, len, "5:peers6:\x7f\0\0\x01\x03\xe8", 15));
    cr_assert_not_null(memmem(body, len, "11:external ip4:\x7f\0\0\x01", 20));
    body = get(r, peer_query(1, "&compact=0"), &len);
    cr_assert_not_null(memmem(body, len,
                              "5:peersld2:ip9:127.0.0.17:peer id20:-XX0000-000000000000"
                              "4:porti1000eee",
                              70));
    body = get(r, peer_query(1, "&compact=0&no_peer_id=1"), &len);
    cr_assert_null(memmem(body, len, "peer id", 7));
    r->from = (struct endpoint){.ip = {[15] = 1}, .family = IP_V6};
    body = get(r, peer_query(2, ""), &len);
    tracker_reply_init(&reply, peers, 4);
    cr_assert_eq(tracker_http_parse_reply(&reply, (const uint8_t *)body, len), 0);
    cr_assert_eq(reply.npeers, 2);
    cr_assert_not_null(memmem(body, len, "6:peers60:", 10), "its own family is always there");
    cr_assert_eq(reply.external.family, IP_V6);
    rig_free(r);
}

Test(http_service, the_longest_answer_fits)
{
    struct rig *r = rig_new(IP_V6);
    struct tracker_reply reply;
    static struct endpoint peers[SELECT_WANT_MAX + 1];
    size_t len;
    const char *body;

    memset(r->from.ip, 0xab, 16);
    for (int n = 1; n < 300; n++)
        get(r, peer_query(n, ""), &len);
    body = get(r, peer_query(300, "&compact=0&numwant=1000"), &len);
    tracker_reply_init(&reply, peers, SELECT_WANT_MAX + 1);
    cr_assert_eq(tracker_http_parse_reply(&reply, (const uint8_t *)body, len), 0);
    cr_assert_eq(reply.npeers, SELECT_WANT_MAX);
    cr_assert_lt(len, HTTP_SERVICE_BODY_MAX / 2);
    rig_free(r);
}

Test(http_service, failures_say_why)
{
    struct rig *r = rig_new(IP_V4);
    struct tracker_stats s;

    expect_failure(r, "/announce", "info_hash is missing");
    expect_failure(r, peer_query(1, "&port=7"), "port is given twice");
    expect_failure(r, "/announce?info_hash=%zz", "info_hash is badly escaped");
    expect_failure(r, "/scrape", "info_hash is missing");
    expect_failure(r, "/scrape?info_hash=x", "info_hash is not 20 bytes long");
    tracker_stats(r->t, &s);
    cr_assert_eq(s.torrents, 0, "nothing is stored for a bad request");
    cr_assert_eq(tally_get(&r->h.errors), 5);
    rig_free(r);
}

Test(http_service, scrapes)
{
    struct rig *r = rig_new(IP_V4);
    struct tracker_reply reply;
    struct tracker_scrape s[4];
    size_t len, n;
    const char *body;

    get(r, peer_query(0, ""), &len);
    get(r, peer_query(1, ""), &len);
    get(r, peer_query(2, "&event=paused"), &len);
    body = get(r,
               "/scrape?info_hash=zzzzzzzzzzzzzzzzzzzz&info_hash=hhhhhhhhhhhhhhhhhhhh"
               "&info_hash=zzzzzzzzzzzzzzzzzzzz",
               &len);
    tracker_reply_init(&reply, NULL, 0);
    cr_assert_eq(tracker_http_parse_scrape(&reply, s, 4, &n, (const uint8_t *)body, len), 0);
    cr_assert_eq(n, 2);
    cr_assert_eq(s[0].complete, 1);
    cr_assert_eq(s[0].incomplete, 2);
    cr_assert_eq(s[0].downloaders, 1);
    cr_assert_eq(s[1].complete, 0);
    rig_free(r);
}

Test(http_service, other_paths_and_refusals)
{
    struct rig *r = rig_new(IP_V4);
    size_t len;

    get(r, "/", &len);
    cr_assert_eq(strncmp(buf_str(&r->out), "HTTP/1.1 404 Not Found\r\n", 24), 0);
    get(r, "/announcement", &len);
    cr_assert_eq(strncmp(buf_str(&r->out), "HTTP/1.1 404 Not Found\r\n", 24), 0);
    buf_reset(&r->out);
    http_service_refuse(&r->h, &(struct http_request){.status = 405}, &r->out);
    cr_assert_not_null(strstr(buf_str(&r->out), "\r\nAllow: GET, HEAD\r\n"));
    cr_assert_not_null(strstr(buf_str(&r->out), "\r\nConnection: close\r\n"));
    rig_free(r);
}

/* Whatever the answer is, HEAD gets its head alone: a body would be taken for the next answer. */
Test(http_service, head_has_no_body)
{
    static const char *const targets[] = {"/scrape?info_hash=hhhhhhhhhhhhhhhhhhhh", "/scrape",
                                          "/announce", "/", NULL};
    struct rig *r = rig_new(IP_V4);
    struct http_request refused = {.method = HTTP_HEAD, .status = 400};
    size_t len;

    for (size_t i = 0; targets[i] != NULL; i++) {
        const char *body = get(r, targets[i], &len), *text = buf_str(&r->out);
        char *want = strndup(text, (size_t)(body - text));

        cr_assert_gt(len, 0);
        ask(r, "HEAD", targets[i]);
        cr_assert_str_eq(buf_str(&r->out), want, "%s", targets[i]);
        free(want);
    }
    buf_reset(&r->out);
    http_service_refuse(&r->h, &refused, &r->out);
    cr_assert_str_eq(strstr(buf_str(&r->out), "\r\n\r\n"), "\r\n\r\n");
    rig_free(r);
}

/* A magnet link's client does not know the size, and an open tracker counts no bytes. */
Test(http_service, a_client_that_says_little_is_a_leecher)
{
#define LITTLE "/announce?info_hash=hhhhhhhhhhhhhhhhhhhh&peer_id=-XX0000-000000000009&port=9"
    static const char *const targets[] = {
        LITTLE, LITTLE "&left=&uploaded=&downloaded=", LITTLE "&left&uploaded&downloaded",
        LITTLE "&left=-1", NULL};
    struct rig *r = rig_new(IP_V4);
    struct tracker_reply reply;
    size_t len;

    get(r, peer_query(0, ""), &len);
    for (size_t i = 0; targets[i] != NULL; i++) {
        const char *body = get(r, targets[i], &len);

        tracker_reply_init(&reply, NULL, 0);
        cr_assert_eq(tracker_http_parse_reply(&reply, (const uint8_t *)body, len), 0);
        cr_assert_str_eq(reply.failure, "");
        cr_assert_eq(reply.complete, 1);
        cr_assert_eq(reply.incomplete, 1);
        cr_assert_not_null(memmem(body, len, "5:peers6:\x7f\0\0\x01\x03\xe8", 15), "%s",
                           targets[i]);
    }
    rig_free(r);
}

/* A scrape of |n| torrents. */
static const char *
scrape_of(unsigned n)
{
    static char target[HTTP_HEAD_MAX / 2];
    size_t len = (size_t)snprintf(target, sizeof(target), "/scrape?");

    for (unsigned i = 0; i < n; i++)
        len += (size_t)snprintf(target + len, sizeof(target) - len,
                                "&info_hash=hhhhhhhhhhhhhhhhhh%02u", i);
    return target;
}

Test(http_service, a_scrape_is_charged_by_its_torrents)
{
    static const struct {
        unsigned torrents;
        uint32_t cost;
    } rows[] = {{1, 1}, {8, 1}, {9, 2}, {74, 10}};
    struct rig *r = rig_new(IP_V4);
    struct tracker_reply reply;
    struct tracker_scrape s[74];
    size_t len, n;
    const char *body;

    r->h.doors.may_ask = pay;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        paid = 0;
        budget = rows[i].cost;
        body = get(r, scrape_of(rows[i].torrents), &len);
        cr_assert_eq(tracker_http_parse_scrape(&reply, s, 74, &n, (const uint8_t *)body, len), 0);
        cr_assert_eq(n, rows[i].torrents);
        cr_assert_eq(paid, rows[i].cost);
        paid = 0;
        budget = rows[i].cost - 1;
        expect_failure(r, scrape_of(rows[i].torrents), TRACKER_TOO_OFTEN);
    }
    paid = 0;
    budget = 1;
    get(r, peer_query(1, ""), &len);
    cr_assert_eq(paid, 1);
    rig_free(r);
}
