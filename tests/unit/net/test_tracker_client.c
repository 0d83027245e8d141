/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Announces against trackers that answer well, badly, late, or not at all.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/codec/tracker_udp.h"
#include "common/ev/dgram.h"
#include "common/sys/addr.h"
#include "common/sys/clock.h"
#include "peer/net/tracker_client.h"
#include "peer/net/udp_tracker.h"
#include "tests/unit/ev/http_fake.h"

enum { RETRY_MS = 60 };

/* A UDP tracker that the test plays. */
struct fake {
    struct dgram *socket;
    int connects, announces;
    int lose;               /* the next packets to be dropped */
    bool wrong_transaction; /* before each answer, one with another transaction id is sent */
    bool refuse_once;       /* the next connection id is refused */
    bool error;
    uint64_t connection;
    char url_data[TRACKER_UDP_URL_MAX + 1];
    uint32_t key;
};

struct probe {
    struct loop *loop;
    struct loop_timer *timer;
    struct resolver *resolver;
    struct fetcher *fetcher;
    struct tracker_gate *gate;
    struct udp_tracker *udp;
    struct tracker_client *client;
    struct fake fake, fake6;
    int calls, begun;
    struct announce_result res;
    char message[256];
    size_t count;
    struct endpoint addrs[16];
};

static void
answer_one(struct fake *f, const struct dgram_msg *m, const uint8_t *out, size_t len)
{
    struct dgram_msg reply = {.peer = m->peer, .local = m->local, .data = out, .len = len};
    uint8_t wrong[256];

    if (f->wrong_transaction) {
        memcpy(wrong, out, len);
        wrong[7] ^= 1;
        reply.data = wrong;
        dgram_send(f->socket, &reply, 1);
        reply.data = out;
    }
    dgram_send(f->socket, &reply, 1);
}

static size_t
announce_reply(struct fake *f, const struct tracker_udp_request *q, uint8_t *out, bool v6)
{
    struct tracker_reply r;
    size_t len;

    f->announces++;
    f->key = q->announce.key;
    snprintf(f->url_data, sizeof(f->url_data), "%s", q->url_data);
    if (f->error || q->connection != f->connection || f->refuse_once) {
        f->refuse_once = false;
        return tracker_udp_put_error(out, 200, q->transaction, "go away");
    }
    tracker_reply_init(&r, NULL, 0);
    r.interval_s = 900;
    r.complete = 3;
    r.incomplete = 4;
    len = tracker_udp_put_announce_head(out, q->transaction, &r);
    if (v6) {
        memset(out + len, 0, 18);
        out[len] = 0x20;
        out[len + 15] = 1;
        put_u16be(out + len + 16, 7000);
        return len + 18;
    }
    memcpy(out + len, "\x0a\x00\x00\x01\x1a\xe1", 6);
    return len + 6;
}

static void
on_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct fake *f = ctx;

    for (size_t i = 0; i < count; i++) {
        struct tracker_udp_request q;
        uint8_t out[256];
        size_t len;

        if (f->lose > 0) {
            f->lose--;
            continue;
        }
        cr_assert_eq(tracker_udp_parse_request(&q, msgs[i].data, msgs[i].len), 0);
        if (q.action == TRACKER_UDP_CONNECT) {
            f->connects++;
            f->connection = 0x1234567800ULL + (uint64_t)f->connects;
            len = tracker_udp_put_connect_reply(out, q.transaction, f->connection);
        } else {
            len = announce_reply(f, &q, out, msgs[i].peer.family == IP_V6);
        }
        answer_one(f, &msgs[i], out, len);
    }
}

static void
on_timer(void *ctx)
{
    struct probe *p = ctx;

    loop_stop(p->loop);
}

static void
start_with(struct probe *p, const char *from4, const char *from6, uint32_t retry_ms)
{
    struct source source = {{.family = IP_NONE}, {.family = IP_NONE}};
    struct udp_asker asker;
    struct errbuf eb;

    memset(p, 0, sizeof(*p));
    cr_assert_eq(loop_new(&p->loop, &eb), 0);
    p->timer = loop_timer_new(p->loop, on_timer, p);
    p->resolver = resolver_new(p->loop);
    p->fetcher = fetcher_new(p->loop, "sprat-test", NULL);
    if (from4 != NULL)
        cr_assert_eq(addr_parse_ip(from4, 0, &source.v4), 0);
    if (from6 != NULL)
        cr_assert_eq(addr_parse_ip(from6, 0, &source.v6), 0);
    p->gate = tracker_gate_new();
    p->udp = udp_tracker_new(p->loop, &source, NULL, retry_ms);
    cr_assert_not_null(p->udp);
    asker = udp_tracker_asker(p->udp);
    p->client = tracker_client_new(p->loop, p->resolver, p->fetcher, p->gate, &source, &asker);
    cr_assert_not_null(p->client);
}

static void
start(struct probe *p, const char *from4, const char *from6)
{
    start_with(p, from4, from6, RETRY_MS);
}

/* Starts a client whose first retry comes after the test's end. */
static void
start_slowly(struct probe *p, const char *from4, uint32_t retry_ms)
{
    start_with(p, from4, NULL, retry_ms);
}

static void
start_fake(struct probe *p, const char *at)
{
    struct dgram_handler h = {.ctx = &p->fake, .on_batch = on_batch};
    struct endpoint e;
    struct errbuf eb;

    cr_assert_eq(addr_parse(at, &e), 0);
    cr_assert_eq(dgram_new(p->loop, &e, 8, 2048, &h, &p->fake.socket, &eb), 0, "%s", eb.text);
}

static void
stop(struct probe *p)
{
    tracker_client_free(p->client);
    udp_tracker_free(p->udp);
    tracker_gate_free(p->gate);
    fetcher_free(p->fetcher);
    resolver_free(p->resolver);
    dgram_free(p->fake.socket);
    loop_timer_free(p->timer);
    loop_free(p->loop);
}

static void
on_begun(void *ctx)
{
    struct probe *p = ctx;

    p->begun++;
}

static void
on_done(void *ctx, const struct announce_result *res, const struct endpoint *addrs, size_t count)
{
    struct probe *p = ctx;

    p->calls++;
    p->res = *res;
    snprintf(p->message, sizeof(p->message), "%s", res->message != NULL ? res->message : "");
    p->count = count;
    for (size_t i = 0; i < count && i < 16; i++)
        p->addrs[i] = addrs[i];
    loop_stop(p->loop);
}

static struct tracker_ask *
ask(struct probe *p, const char *fmt_host, uint16_t port, const char *rest)
{
    struct tracker_announce a = {.port = 6881, .key = 0xfeedbeef, .numwant = 50, .compact = true};
    char url[256];

    memset(a.info_hash, 1, sizeof(a.info_hash));
    memset(a.peer_id, 2, sizeof(a.peer_id));
    snprintf(url, sizeof(url), "%s:%u%s", fmt_host, port, rest);
    return tracker_client_announce(p->client, url, &a, on_begun, on_done, p);
}

static void
announce(struct probe *p, const char *host, uint16_t port, const char *rest)
{
    p->calls = 0;
    cr_assert_not_null(ask(p, host, port, rest));
    cr_expect_eq(p->calls, 0, "never from inside the call");
    loop_timer_set(p->timer, mono_add_ms(clock_mono(), 5000));
    loop_run(p->loop);
    loop_timer_set(p->timer, MONO_NEVER);
    cr_assert_eq(p->calls, 1);
}

Test(tracker_client, udp_connects_once_and_announces)
{
    struct probe p;
    char text[ADDR_TEXT_MAX];

    start(&p, "127.0.0.5", NULL);
    start_fake(&p, "127.0.0.1:0");
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "/announce?pass=1");
    cr_expect_eq(p.res.err, 0);
    cr_expect_eq(p.res.interval_s, 900u);
    cr_expect_eq(p.res.seeders, 3u);
    cr_expect_eq(p.res.leechers, 4u);
    cr_assert_eq(p.count, 1u);
    cr_expect_str_eq(addr_format(&p.addrs[0], text), "10.0.0.1:6881");
    cr_expect_str_eq(p.fake.url_data, "/announce?pass=1");
    cr_expect_eq(p.fake.key, 0xfeedbeefu);
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "/announce");
    cr_expect_eq(p.fake.connects, 1);
    cr_expect_eq(p.fake.announces, 2);
    stop(&p);
}

Test(tracker_client, udp_asks_again_when_packets_are_lost)
{
    struct probe p;

    start(&p, "127.0.0.5", NULL);
    start_fake(&p, "127.0.0.1:0");
    p.fake.lose = 2;
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "");
    cr_expect_eq(p.res.err, 0);
    p.fake.lose = UDP_TRACKER_TRIES;
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "");
    cr_expect_eq(p.res.err, SPRAT_E_TIMEOUT);
    cr_expect_eq(p.fake.lose, 0);
    stop(&p);
}

/* A port of 127.0.0.1 where nothing listens. */
static uint16_t
dead_port(struct probe *p)
{
    struct dgram_handler h = {.ctx = &p->fake6, .on_batch = on_batch};
    struct endpoint e;
    struct errbuf eb;
    uint16_t port;

    cr_assert_eq(addr_parse("127.0.0.1:0", &e), 0);
    cr_assert_eq(dgram_new(p->loop, &e, 8, 2048, &h, &p->fake6.socket, &eb), 0);
    port = dgram_addr(p->fake6.socket)->port;
    dgram_free(p->fake6.socket);
    p->fake6.socket = NULL;
    return port;
}

Test(tracker_client, udp_where_nothing_listens_fails_at_once)
{
    struct probe p;
    char want[128];
    uint16_t port;

    start_slowly(&p, "127.0.0.5", 60000);
    port = dead_port(&p);
    announce(&p, "udp://127.0.0.1", port, "/announce");
    cr_expect_eq(p.res.err, SPRAT_E_REFUSED);
    snprintf(want, sizeof(want),
             "the tracker refused the connection: nothing listens on UDP port %u of 127.0.0.1",
             port);
    cr_expect_str_eq(p.message, want);
    /* An error of one does not swallow the packet to another. */
    start_fake(&p, "127.0.0.1:0");
    announce(&p, "udp://127.0.0.1", port, "/announce");
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "/announce");
    cr_expect_eq(p.res.err, 0);
    stop(&p);
}

static void
on_udp_done(void *ctx, int err)
{
    struct probe *p = ctx;

    p->calls++;
    p->res.err = err;
    loop_stop(p->loop);
}

/* Asks a tracker that has these addresses, for at most five seconds. */
static void
ask_addresses(struct probe *p, uint32_t retry_ms, const struct endpoint *to, size_t count)
{
    struct source source = {{.family = IP_NONE}, {.family = IP_NONE}};
    struct udp_tracker *u = udp_tracker_new(p->loop, &source, NULL, retry_ms);
    struct tracker_announce a = {.port = 6881};
    struct tracker_reply r;
    struct udp_request request = {.to = to,
                                  .count = count,
                                  .announce = &a,
                                  .url_data = "/",
                                  .reply = &r,
                                  .fn = on_udp_done,
                                  .ctx = p};

    cr_assert_not_null(u);
    tracker_reply_init(&r, p->addrs, 16);
    p->calls = 0;
    cr_assert_not_null(udp_tracker_announce(u, &request));
    loop_timer_set(p->timer, mono_add_ms(clock_mono(), 5000));
    loop_run(p->loop);
    loop_timer_set(p->timer, MONO_NEVER);
    p->count = r.npeers;
    udp_tracker_free(u);
}

Test(tracker_client, udp_asks_all_addresses_of_a_tracker)
{
    struct probe p;
    struct fake silent = {.lose = 1000};
    struct dgram_handler h = {.ctx = &silent, .on_batch = on_batch};
    struct endpoint to[3];
    struct errbuf eb;

    start(&p, "127.0.0.5", NULL);
    start_fake(&p, "127.0.0.1:0");
    cr_assert_eq(addr_parse("127.0.0.2:0", &to[0]), 0);
    cr_assert_eq(dgram_new(p.loop, &to[0], 8, 2048, &h, &silent.socket, &eb), 0);
    to[0] = *dgram_addr(silent.socket); /* silent */
    cr_assert_eq(addr_parse("127.0.0.3:1", &to[1]), 0);
    to[1].port = dead_port(&p); /* refused */
    to[2] = *dgram_addr(p.fake.socket);
    ask_addresses(&p, RETRY_MS, to, 3);
    cr_expect(p.calls == 1 && p.res.err == 0 && p.count == 1);
    cr_expect_eq(silent.lose, 999, "asked once");
    cr_expect(p.fake.connects == 1 && p.fake.announces == 1);
    /* With the dead one first there is no wait at all. */
    ask_addresses(&p, 60000, &to[1], 2);
    cr_expect(p.calls == 1 && p.res.err == 0 && p.count == 1);
    dgram_free(silent.socket);
    stop(&p);
}

Test(tracker_client, udp_answers_count_from_another_address_of_the_tracker)
{
    struct probe p;
    struct dgram_handler h = {.ctx = &p.fake, .on_batch = on_batch};
    struct endpoint to, other;
    struct dgram *asked;
    struct errbuf eb;

    start(&p, "127.0.0.5", NULL);
    start_fake(&p, "127.0.0.1:0"); /* answers leave from here, */
    cr_assert_eq(addr_parse("127.0.0.2:0", &other), 0);
    cr_assert_eq(dgram_new(p.loop, &other, 8, 2048, &h, &asked, &eb), 0);
    to = *dgram_addr(asked); /* whatever address was asked */
    ask_addresses(&p, 60000, &to, 1);
    cr_expect(p.calls == 1 && p.res.err == 0 && p.count == 1);
    dgram_free(asked);
    stop(&p);
}

Test(tracker_client, udp_ignores_answers_to_others)
{
    struct probe p;

    start(&p, "127.0.0.5", NULL);
    start_fake(&p, "127.0.0.1:0");
    p.fake.wrong_transaction = true;
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "");
    cr_expect_eq(p.res.err, 0);
    cr_expect_eq(p.fake.connects, 1);
    cr_expect_eq(p.fake.announces, 1);
    stop(&p);
}

Test(tracker_client, udp_errors_and_a_stale_connection)
{
    struct probe p;

    start(&p, "127.0.0.5", NULL);
    start_fake(&p, "127.0.0.1:0");
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "");
    p.fake.refuse_once = true; /* as after the tracker's restart */
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "");
    cr_expect_eq(p.res.err, 0);
    cr_expect_eq(p.fake.connects, 2);
    p.fake.error = true;
    announce(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "");
    cr_expect_eq(p.res.err, SPRAT_E_REMOTE);
    cr_expect_str_eq(p.message, "go away");
    stop(&p);
}

Test(tracker_client, udp_over_ipv6)
{
    struct probe p;
    char text[ADDR_TEXT_MAX];

    start(&p, "127.0.0.5", "::");
    start_fake(&p, "[::1]:0");
    announce(&p, "udp://[::1]", dgram_addr(p.fake.socket)->port, "");
    cr_expect_eq(p.res.err, 0);
    cr_assert_eq(p.count, 1u);
    cr_expect_str_eq(addr_format(&p.addrs[0], text), "[2000::1]:7000");
    stop(&p);
}

static size_t
http_answer(const char *request, const char *peer_ip, char *out, size_t size)
{
    const char *body = "d8:completei2e10:incompletei1e8:intervali600e12:min intervali60e"
                       "5:peers6:\x7f\x01\x02\x03\x1a\xe1" "10:tracker id3:xyze";
    int n;

    if (strstr(request, "GET /missing") != NULL)
        return (size_t)snprintf(out, size, "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n");
    if (strstr(request, "GET /names") != NULL)
        return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
                                           "d8:intervali600e5:peersl"
                                           "d2:ip15:no-such.invalid4:porti9ee"
                                           "d2:ip9:localhost4:porti7000ee"
                                           "d2:ip8:bad name4:porti7000ee"
                                           "d2:ip8:10.0.0.94:porti7001eeee");
    if (strstr(request, "GET /gone") != NULL)
        return (size_t)snprintf(out, size, "HTTP/1.1 410 Gone\r\nConnection: close\r\n\r\n");
    if (strstr(request, "GET /refused") != NULL)
        return (size_t)snprintf(out, size, "HTTP/1.1 403 No\r\nConnection: close\r\n\r\n"
                                           "d14:failure reason8:not herei8e:e");
    if (strstr(request, "GET /failure") != NULL)
        return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
                                           "d14:failure reason8:not here8:retry in2:30e");
    if (strstr(request, "GET /never") != NULL)
        return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
                                           "d14:failure reason5:never8:retry in5:nevere");
    if (strstr(request, "GET /garbage") != NULL)
        return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>");
    /* The peer's address is the one that it comes from, and the id comes back the second time. */
    if (strcmp(peer_ip, "127.0.0.5") != 0 || strstr(request, "port=6881") == NULL)
        return (size_t)snprintf(out, size, "HTTP/1.1 500 Bad\r\nConnection: close\r\n\r\n");
    if (strstr(request, "GET /id") != NULL && strstr(request, "trackerid=xyz") != NULL)
        body = "d8:intervali601e5:peers0:e";
    n = snprintf(out, size, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", body);
    return (size_t)n;
}

Test(tracker_client, http)
{
    struct probe p;
    struct http_fake h;
    char text[ADDR_TEXT_MAX];

    start(&p, "127.0.0.5", NULL);
    http_fake_start(&h, "127.0.0.1", http_answer);
    announce(&p, "http://127.0.0.1", h.port, "/id");
    cr_expect_eq(p.res.err, 0, "%s", p.message);
    cr_expect_eq(p.res.interval_s, 600u);
    cr_expect_eq(p.res.min_interval_s, 60u);
    cr_expect_eq(p.res.seeders, 2u);
    cr_assert_eq(p.count, 1u);
    cr_expect_str_eq(addr_format(&p.addrs[0], text), "127.1.2.3:6881");
    announce(&p, "http://127.0.0.1", h.port, "/id");
    cr_expect_eq(p.res.interval_s, 601u, "the tracker id was given back");
    stop(&p);
    http_fake_stop(&h);
}

Test(tracker_client, http_failures)
{
    struct probe p;
    struct http_fake h;
    char want[128];

    start(&p, "127.0.0.5", NULL);
    http_fake_start(&h, "127.0.0.1", http_answer);
    announce(&p, "http://127.0.0.1", h.port, "/gone");
    cr_expect_eq(p.res.err, SPRAT_E_REMOTE);
    cr_expect_str_eq(p.message, "HTTP status 410");
    announce(&p, "http://127.0.0.1", h.port, "/missing");
    cr_expect_str_eq(p.message,
                     "HTTP status 404, not found: tracker URLs usually end in /announce");
    announce(&p, "http://127.0.0.1", h.port, "/missing/announce");
    cr_expect_str_eq(p.message, "HTTP status 404, not found");
    announce(&p, "http://127.0.0.1", h.port, "/failure");
    cr_expect_eq(p.res.err, SPRAT_E_REMOTE);
    cr_expect_str_eq(p.message, "not here");
    cr_expect_eq(p.res.retry_in_s, 1800);
    announce(&p, "http://127.0.0.1", h.port, "/never");
    cr_expect_eq(p.res.retry_in_s, -1);
    announce(&p, "http://127.0.0.1", h.port, "/garbage");
    cr_expect_neq(p.res.err, 0);
    cr_expect_not_null(strstr(p.message, "not a tracker's"));
    http_fake_stop(&h);
    announce(&p, "http://127.0.0.1", h.port, "/gone");
    cr_expect_eq(p.res.err, SPRAT_E_REFUSED);
    snprintf(want, sizeof(want),
             "the tracker refused the connection: nothing listens on port %u of 127.0.0.1", h.port);
    cr_expect_str_eq(p.message, want);
    stop(&p);
}

Test(tracker_client, peers_by_name_are_looked_up)
{
    struct probe p;
    struct http_fake h;
    bool found = false;

    start(&p, "127.0.0.5", NULL);
    http_fake_start(&h, "127.0.0.1", http_answer);
    announce(&p, "http://127.0.0.1", h.port, "/names");
    cr_expect_eq(p.res.err, 0);
    cr_expect_eq(p.count, p.res.peers);
    for (size_t i = 0; i < p.count; i++)
        found |= p.addrs[i].port == 7000 && addr_is_loopback(&p.addrs[i]);
    cr_expect(p.count >= 2 && p.addrs[0].port == 7001 && found);
    http_fake_stop(&h);
    stop(&p);
}

Test(tracker_client, urls_that_lead_nowhere)
{
    struct probe p;

    start(&p, "127.0.0.5", NULL);
    announce(&p, "wss://127.0.0.1", 80, "/");
    cr_expect_eq(p.res.err, SPRAT_E_INVAL);
    announce(&p, "udp://no such name.", 80, "/");
    cr_expect_neq(p.res.err, 0);
    announce(&p, "udp://no-such-name.invalid", 80, "/");
    cr_expect_eq(p.res.err, SPRAT_E_RESOLVE);
    cr_expect_str_eq(p.message,
                     "the name no-such-name.invalid has no known address: check its spelling "
                     "and this machine's DNS");
    stop(&p);
}

Test(tracker_client, both_families_are_asked_and_their_peers_joined)
{
    struct probe p;
    struct dgram_handler h;
    struct endpoint e;
    struct errbuf eb;

    start(&p, "127.0.0.5", "::1");
    start_fake(&p, "127.0.0.1:0");
    cr_assert_eq(addr_parse("[::1]:0", &e), 0);
    e.port = dgram_addr(p.fake.socket)->port;
    h = (struct dgram_handler){.ctx = &p.fake6, .on_batch = on_batch};
    if (dgram_new(p.loop, &e, 8, 2048, &h, &p.fake6.socket, &eb) != 0) {
        stop(&p);
        cr_skip_test("no IPv6");
    }
    announce(&p, "udp://localhost", e.port, "/");
    cr_expect_eq(p.res.err, 0);
    /* Whether "localhost" has both families is this machine's affair. */
    cr_expect_eq(p.count, (size_t)(p.fake.announces + p.fake6.announces));
    cr_expect_geq(p.count, 1u);
    dgram_free(p.fake6.socket);
    stop(&p);
}

Test(tracker_client, cancelled_asks_are_silent)
{
    struct probe p;
    struct tracker_ask *a;

    start(&p, "127.0.0.5", NULL);
    start_fake(&p, "127.0.0.1:0");
    a = ask(&p, "udp://127.0.0.1", dgram_addr(p.fake.socket)->port, "/");
    loop_timer_set(p.timer, clock_mono());
    loop_run(p.loop);
    if (p.calls == 0)
        tracker_ask_cancel(a);
    a = ask(&p, "http://127.0.0.1", 1, "/");
    tracker_ask_cancel(a);
    p.calls = 0;
    loop_timer_set(p.timer, mono_add_ms(clock_mono(), 50));
    loop_run(p.loop);
    cr_expect_eq(p.calls, 0);
    stop(&p);
}

/* --- in line --- */

static void
on_download_begun(void *ctx)
{
    struct probe *p = ctx;

    cr_expect_eq(p->begun, 1, "behind \"stopped\", before the seed");
    p->begun++;
}

static struct tracker_ask *
ask_as(struct probe *p, enum tracker_event event, uint64_t left, uint8_t number)
{
    struct tracker_announce a = {.port = 6881, .event = event, .left = left, .compact = true};

    memset(a.info_hash, number, sizeof(a.info_hash));
    return tracker_client_announce(p->client, "udp://127.0.0.73:9/announce", &a,
                                   left > 0 ? on_download_begun : on_begun, on_done, p);
}

/* Uses up the host's rate at the gate, so that only urgent announces enter. */
static void
shut_the_gate(struct probe *p)
{
    struct mono now = clock_mono(), again;
    bool silent;

    while (tracker_gate_enter(p->gate, "127.0.0.73", false, now, &again, &silent))
        tracker_gate_leave(p->gate, "127.0.0.73", true, now);
}

Test(tracker_client, those_in_line_begin_in_the_order_of_need)
{
    struct probe p;
    struct tracker_ask *asks[3];

    start_slowly(&p, "127.0.0.1", 60000);
    start_fake(&p, "127.0.0.73:9");
    p.fake.lose = 1000;
    shut_the_gate(&p);
    asks[0] = ask_as(&p, TRACKER_EVENT_STARTED, 0, 1);
    asks[1] = ask_as(&p, TRACKER_EVENT_STARTED, 5, 2);
    asks[2] = ask_as(&p, TRACKER_EVENT_STOPPED, 0, 3);
    loop_timer_set(p.timer, mono_add_ms(clock_mono(), 20));
    loop_run(p.loop);
    cr_expect_eq(p.begun, 1, "only \"stopped\" waits for no rate");
    tracker_ask_cancel(asks[2]);
    while (p.begun < 3) {
        loop_timer_set(p.timer, mono_add_ms(clock_mono(), 5));
        loop_run(p.loop);
    }
    for (int i = 0; i < 2; i++)
        tracker_ask_cancel(asks[i]);
    cr_expect_eq(p.calls, 0);
    stop(&p);
}
