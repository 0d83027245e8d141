/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The HTTP and UDP fronts on a real loop and loopback sockets: requests in any pieces, more of them
 * than the buffers hold, refusals that reach the client, deadlines and the way made for new
 * clients.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tracker/dial.h"
#include "tracker/net/http_front.h"
#include "tracker/net/udp_front.h"

static const struct endpoint local = {.ip = {127, 0, 0, 1}, .family = IP_V4};

struct rig {
    struct loop *loop;
    struct loop_timer *timer;
    struct tracker *t;
    struct http_service http;
    struct udp_service udp;
    struct http_front *http_front;
    struct udp_front *udp_front;
};

static void
stop_loop(void *ctx)
{
    loop_stop(ctx);
}

static void
rig_start(struct rig *r, uint32_t connections_max, uint32_t timeout_s)
{
    static const struct tracker_seed seed = {{1, 2}, 3};
    struct http_front_limits limits = {.connections_max = connections_max, .timeout_s = timeout_s};
    struct http_handler handler = http_front_tracker(&r->http);
    struct tracker_config config;
    struct tracker_doors doors;
    struct errbuf eb;

    tracker_config_init(&config);
    cr_assert_eq(loop_new(&r->loop, &eb), 0);
    r->timer = loop_timer_new(r->loop, stop_loop, r->loop);
    r->t = tracker_new(&config, &seed);
    doors = tracker_doors_to(r->t);
    http_service_init(&r->http, &doors);
    udp_service_init(&r->udp, &doors, (const uint8_t *)"secretsecretsecr");
    cr_assert_eq(
        http_front_new(r->loop, &local, PORT_ALONE, &handler, &limits, &r->http_front, &eb), 0);
    cr_assert_eq(udp_front_new(r->loop, &local, PORT_ALONE, &r->udp, &r->udp_front, &eb), 0);
}

static void
rig_stop(struct rig *r)
{
    http_front_free(r->http_front);
    udp_front_free(r->udp_front);
    http_service_fini(&r->http);
    tracker_free(r->t);
    loop_timer_free(r->timer);
    loop_free(r->loop);
}

/* Lets the loop run for a while. */
static void
spin(struct rig *r, int64_t ms)
{
    loop_timer_set(r->timer, mono_add_ms(loop_now(r->loop), ms));
    cr_assert_eq(loop_run(r->loop), 0);
}

/* What has come in: bytes, 0 at the end, -1 for nothing yet. */
static ssize_t
receive(int fd, char *dst, size_t max)
{
    ssize_t n = recv(fd, dst, max, MSG_DONTWAIT);

    cr_assert(n >= 0 || errno == EAGAIN, "%d", errno);
    return n;
}

static void
send_text(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static unsigned
count(const char *text, const char *word)
{
    unsigned n = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

#define REQUEST "GET /scrape?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: t\r\n\r\n"

Test(http_front, requests_in_pieces_and_in_rows)
{
    static char got[8192];
    struct rig r;
    ssize_t n;
    int fd;

    rig_start(&r, 10, 20);
    fd = dial(http_front_addr(r.http_front), SOCK_STREAM);
    send_text(fd, "GET /scrape?info_hash=aaaaaaa");
    spin(&r, 20);
    cr_assert_eq(receive(fd, got, sizeof(got)), -1);
    send_text(fd, "aaaaaaaaaaaaa HTTP/1.1\r\nHost: t\r\n\r\n" REQUEST REQUEST);
    spin(&r, 20);
    n = receive(fd, got, sizeof(got) - 1);
    cr_assert_gt(n, 0);
    got[n] = '\0';
    cr_assert_eq(count(got, "HTTP/1.1 200 OK"), 3);
    send_text(fd, "nonsense\r\n\r\nand more");
    spin(&r, 20);
    n = receive(fd, got, sizeof(got) - 1);
    cr_assert_gt(n, 0);
    got[n] = '\0';
    cr_assert_eq(count(got, "HTTP/1.1 400 "), 1);
    cr_assert_eq(receive(fd, got, sizeof(got)), 0, "refused and closed");
    close(fd);
    spin(&r, 20);
    rig_stop(&r);
}

/* Thousands of requests at once, taken slowly: all are answered, through full buffers. */
Test(http_front, many_more_requests_than_fit)
{
    enum { REQUESTS = 20000 };
    static char got[1 << 16], row[100 * sizeof(REQUEST)];
    struct rig r;
    size_t len = 0, sent = 0, received = 0, one;
    int fd;

    rig_start(&r, 10, 20);
    fd = dial(http_front_addr(r.http_front), SOCK_STREAM);
    send_text(fd, REQUEST);
    spin(&r, 20);
    one = (size_t)receive(fd, got, sizeof(got));
    for (int i = 0; i < 100; i++)
        len += (size_t)sprintf(row + len, REQUEST);
    for (int i = 0; i < 20000 && received < REQUESTS * one; i++) {
        size_t at = sent % len;
        ssize_t n = 0;

        if (sent < REQUESTS / 100 * len)
            n = send(fd, row + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        spin(&r, 1);
        n = receive(fd, got, sizeof(got));
        received += n > 0 ? (size_t)n : 0;
    }
    cr_assert_eq(received, REQUESTS * one, "%zu of %zu", received, REQUESTS * one);
    close(fd);
    rig_stop(&r);
}

/* A client that shuts down says "stopped" of each torrent in one go and waits for no answer: the
 * first answer meets a closed socket. */
Test(http_front, requests_count_though_their_client_is_gone)
{
    enum { TORRENTS = 400 };
    static char row[TORRENTS * 200];
    struct tracker_stats s;
    struct rig r;

    rig_start(&r, 10, 20);
    for (int stopped = 0; stopped <= 1; stopped++) {
        int fd = dial(http_front_addr(r.http_front), SOCK_STREAM);
        size_t len = 0;

        for (int i = 0; i < TORRENTS; i++)
            len += (size_t)sprintf(row + len,
                                   "GET /announce?info_hash=%020d&peer_id=-XX0001-000000000001"
                                   "&port=1001&left=0&event=%s HTTP/1.1\r\n\r\n",
                                   i, stopped ? "stopped" : "started");
        cr_assert_eq(send(fd, row, len, MSG_NOSIGNAL), (ssize_t)len);
        close(fd);
        for (int i = 0; i < 5000 && (i == 0 || http_front_count(r.http_front) > 0); i++)
            spin(&r, 1);
        tracker_stats(r.t, &s);
        cr_assert_eq(s.peers4, stopped ? 0 : TORRENTS, "%u", (unsigned)s.peers4);
    }
    rig_stop(&r);
}

Test(http_front, deadlines_and_making_way)
{
    char got[64];
    struct rig r;
    int first, second, third;

    rig_start(&r, 2, 1);
    first = dial(http_front_addr(r.http_front), SOCK_STREAM);
    send_text(first, "G"); /* who says nothing at all is accepted later */
    spin(&r, 10);
    second = dial(http_front_addr(r.http_front), SOCK_STREAM);
    send_text(second, "G");
    spin(&r, 10);
    third = dial(http_front_addr(r.http_front), SOCK_STREAM);
    send_text(third, "\r\n");
    spin(&r, 10);
    cr_assert_eq(receive(first, got, sizeof(got)), 0, "the longest waiting made way");
    cr_assert_eq(receive(second, got, sizeof(got)), -1);
    spin(&r, 600);
    send_text(third, REQUEST);
    spin(&r, 600);
    cr_assert_eq(receive(second, got, sizeof(got)), 0, "its time is up");
    cr_assert_gt(receive(third, got, sizeof(got)), 0, "a request gives new time");
    close(first);
    close(second);
    close(third);
    rig_stop(&r);
}

/* A handler that answers when it is told to, of requests with bodies. */
struct slow {
    struct http_turn turns[4];
    unsigned nturns;
    char bodies[64];
};

static bool
slow_ask(void *ctx, const struct http_request *req, const struct endpoint *from,
         struct http_turn turn, struct buf *out, struct mono now)
{
    struct slow *s = ctx;

    (void)from, (void)now;
    if (req->method == HTTP_GET) {
        buf_puts(out, "at once");
        return true;
    }
    s->turns[s->nturns++] = turn;
    strncat(s->bodies, req->body, req->body_len);
    return false;
}

static void
slow_refuse(void *ctx, const struct http_request *req, struct buf *out)
{
    (void)ctx;
    buf_printf(out, "status %d", req->status);
}

static void
expect_received(struct rig *r, int fd, const char *want)
{
    char got[256];
    ssize_t n = -1;

    for (int i = 0; i < 1000 && n < 0; i++) {
        spin(r, 1);
        n = receive(fd, got, sizeof(got) - 1);
    }
    cr_assert_geq(n, 0, "nothing came, not '%s'", want);
    got[n] = '\0';
    cr_assert_str_eq(got, want);
}

Test(http_front, answers_that_come_later)
{
    static const char post[] = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
    struct http_front_limits limits = {.connections_max = 10, .timeout_s = 20};
    struct slow slow = {.nturns = 0};
    struct http_handler handler = {
        .ctx = &slow,
        .ask = slow_ask,
        .refuse = slow_refuse,
        .accepts = {.more_methods = 1u << HTTP_POST, .body_max = 3},
    };
    struct http_front *front;
    struct errbuf eb;
    struct rig r;
    int fd, gone;

    rig_start(&r, 1, 1);
    cr_assert_eq(http_front_new(r.loop, &local, PORT_ALONE, &handler, &limits, &front, &eb), 0);
    fd = dial(http_front_addr(front), SOCK_STREAM);
    gone = dial(http_front_addr(front), SOCK_STREAM);
    send_text(fd, post);
    send_text(gone, post);
    send_text(gone, "bye");
    for (int i = 0; i < 1000 && slow.nturns < 1; i++)
        spin(&r, 1);
    send_text(fd, "one");
    for (int i = 0; i < 1000 && slow.nturns < 2; i++)
        spin(&r, 1);
    cr_assert_str_eq(slow.bodies, "byeone");
    /* What follows waits for its turn. */
    send_text(fd, "GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
    spin(&r, 20);
    cr_assert_eq(receive(fd, slow.bodies, 1), -1);
    http_front_answer(slow.turns[1], "later, ", 7);
    expect_received(&r, fd, "later, at oncestatus 413");
    expect_received(&r, fd, "");
    http_front_answer(slow.turns[1], "twice", 5);
    http_front_answer((struct http_turn){front, 99}, "nobody", 6);
    close(gone);
    http_front_free(front);
    close(fd);
    rig_stop(&r);
}

Test(udp_front, answers_in_batches)
{
    uint8_t packet[TRACKER_UDP_REQUEST_MAX];
    char got[64];
    struct rig r;
    int fd;

    rig_start(&r, 1, 1);
    fd = dial(udp_front_addr(r.udp_front), SOCK_DGRAM);
    for (uint32_t i = 0; i < 2 * UDP_FRONT_BATCH; i++) {
        size_t len = tracker_udp_put_connect(packet, i);

        cr_assert_eq(send(fd, packet, i % 3 == 0 ? len - 1 : len, 0), i % 3 == 0 ? 15 : 16);
    }
    spin(&r, 30);
    for (uint32_t i = 0; i < 2 * UDP_FRONT_BATCH; i++) {
        struct tracker_udp_head h;

        if (i % 3 == 0)
            continue;
        cr_assert_eq(receive(fd, got, sizeof(got)), 16);
        cr_assert_eq(tracker_udp_parse_head(&h, (const uint8_t *)got, 16), 0);
        cr_assert_eq(h.transaction, i);
    }
    cr_assert_eq(receive(fd, got, sizeof(got)), -1);
    close(fd);
    rig_stop(&r);
}

Test(fronts, an_address_in_use_is_told)
{
    struct http_front_limits limits = {.connections_max = 1, .timeout_s = 1};
    struct http_handler handler = {.ctx = NULL};
    struct http_front *http;
    struct udp_front *udp;
    struct errbuf eb;
    struct rig r;

    rig_start(&r, 1, 1);
    cr_assert_eq(http_front_new(r.loop, http_front_addr(r.http_front), PORT_ALONE, &handler,
                                &limits, &http, &eb),
                 SPRAT_E_BUSY);
    cr_assert_not_null(strstr(eb.text, "127.0.0.1:"));
    cr_assert_eq(udp_front_new(r.loop, udp_front_addr(r.udp_front), PORT_ALONE, &r.udp, &udp, &eb),
                 SPRAT_E_BUSY);
    cr_assert_not_null(strstr(eb.text, "127.0.0.1:"));
    rig_stop(&r);
}
