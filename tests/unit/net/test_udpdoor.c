/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One UDP socket for all: announces leave from it, and each datagram comes to its reader only.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/codec/tracker_udp.h"
#include "common/ev/dgram.h"
#include "common/sys/addr.h"
#include "common/sys/clock.h"
#include "peer/net/udp_tracker.h"
#include "peer/net/udpdoor.h"

enum { GIVE_UP_MS = 5000, RETRY_MS = 60 };

/* A client with a socket at 127.0.0.5, and a tracker that the test plays. */
struct probe {
    struct loop *loop;
    struct loop_timer *timer;
    struct udpdoor *door;
    struct udp_tracker *udp;
    struct dgram *tracker;
    const char *before; /* bytes that the tracker sends before each of its answers; NULL: none */
    size_t before_len;
    struct endpoint client; /* the sender of the last request */
    struct tracker_reply reply;
    struct endpoint peers[4];
    int calls, err, krpc;
};

static void
on_timer(void *ctx)
{
    loop_stop(((struct probe *)ctx)->loop);
}

static void
on_request(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct probe *p = ctx;

    for (size_t i = 0; i < count; i++) {
        struct dgram_msg out = {.peer = msgs[i].peer};
        struct tracker_udp_request q;
        struct tracker_reply r;
        uint8_t answer[64];

        cr_assert_eq(tracker_udp_parse_request(&q, msgs[i].data, msgs[i].len), 0);
        tracker_reply_init(&r, NULL, 0);
        p->client = msgs[i].peer;
        out.data = (const uint8_t *)p->before;
        out.len = p->before_len;
        if (p->before != NULL)
            cr_assert_eq(dgram_try(p->tracker, &out), 0);
        out.data = answer;
        out.len = q.action == TRACKER_UDP_CONNECT
                      ? tracker_udp_put_connect_reply(answer, q.transaction, 7)
                      : tracker_udp_put_announce_head(answer, q.transaction, &r);
        cr_assert_eq(dgram_try(p->tracker, &out), 0);
    }
}

static bool
on_krpc(void *ctx, unsigned socket, const struct endpoint *from, const uint8_t *data, size_t len)
{
    struct probe *p = ctx;

    (void)from;
    cr_expect(socket == 0 && len == 2 && memcmp(data, "de", 2) == 0);
    p->krpc++;
    return true;
}

static struct probe *
start(const char *listen, const char *tracker)
{
    static struct probe p;
    struct source source = {.v4 = {.family = IP_NONE}};
    struct dgram_handler h = {.ctx = &p, .on_batch = on_request};
    struct udpdoor_reader krpc = {.ctx = &p, .on_datagram = on_krpc};
    struct endpoint at;
    struct errbuf eb;

    cr_assert_eq(loop_new(&p.loop, &eb), 0);
    p.timer = loop_timer_new(p.loop, on_timer, &p);
    p.door = udpdoor_new(p.loop);
    cr_assert_eq(addr_parse(listen, &at), 0);
    cr_assert_eq(udpdoor_open(p.door, &at, &eb), 0, "%s", eb.text);
    udpdoor_set_reader(p.door, UDP_KRPC, &krpc);
    p.udp = udp_tracker_new(p.loop, &source, p.door, RETRY_MS);
    cr_assert_eq(addr_parse(tracker, &at), 0);
    cr_assert_eq(dgram_new(p.loop, &at, 4, 2048, &h, &p.tracker, &eb), 0, "%s", eb.text);
    return &p;
}

static void
stop(struct probe *p)
{
    udp_tracker_free(p->udp);
    udpdoor_free(p->door);
    dgram_free(p->tracker);
    loop_timer_free(p->timer);
    loop_free(p->loop);
}

static void
on_announced(void *ctx, int err)
{
    struct probe *p = ctx;

    p->calls++;
    p->err = err;
    loop_stop(p->loop);
}

/* Announces to |to|, and counts what came to the UDP port meanwhile. */
static struct udpdoor_counts
announce(struct probe *p, const struct endpoint *to)
{
    struct tracker_announce a = {.port = 6881};
    struct udp_request request = {.to = to,
                                  .count = 1,
                                  .announce = &a,
                                  .url_data = "/announce",
                                  .reply = &p->reply,
                                  .fn = on_announced,
                                  .ctx = p};
    struct udpdoor_counts counts;

    tracker_reply_init(&p->reply, p->peers, 4);
    p->calls = 0;
    cr_assert_not_null(udp_tracker_announce(p->udp, &request));
    loop_timer_set(p->timer, mono_add_ms(clock_mono(), GIVE_UP_MS));
    loop_run(p->loop);
    cr_assert_eq(p->calls, 1);
    udpdoor_get_counts(p->door, &counts);
    return counts;
}

Test(udpdoor, announces_leave_from_the_listening_address)
{
    struct probe *p = start("127.0.0.5:0", "127.0.0.1:0");
    struct udpdoor_counts counts = announce(p, dgram_addr(p->tracker));

    cr_expect_eq(p->err, 0);
    cr_expect(endpoint_equal(&p->client, udpdoor_addr(p->door, 0)));
    cr_expect(counts.trackers == 2 && counts.ignored == 0);
    stop(p);
}

Test(udpdoor, each_datagram_comes_to_its_reader_only)
{
    static const struct {
        const char *bytes;
        size_t len;
        int krpc;
        unsigned ignored;
    } all[] = {
        {"de", 2, 2, 0},
        {"\x41\0\0", 3, 0, 2},           /* uTP, and no SYN */
        {"\0\0\0\1\0\0\0\0\0", 9, 0, 2}, /* an announce that nobody asked for */
        {"\0\0\0\3\1\2\3\4x", 9, 0, 2},
        {"\0\0\0\4\0\0\0\0", 8, 0, 2}, /* no action */
        {"", 0, 0, 2},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct probe *p = start("127.0.0.5:0", "127.0.0.1:0");
        struct udpdoor_counts counts;

        p->krpc = 0;
        p->before = all[i].bytes;
        p->before_len = all[i].len;
        counts = announce(p, dgram_addr(p->tracker));
        cr_expect_eq(p->err, 0, "row %zu", i);
        cr_expect_eq(counts.trackers, 2, "row %zu", i);
        cr_expect_eq(p->krpc, all[i].krpc, "row %zu", i);
        cr_expect_eq(counts.krpc, (uint64_t)all[i].krpc, "row %zu", i);
        cr_expect_eq(counts.ignored, all[i].ignored, "row %zu", i);
        stop(p);
    }
}

Test(udpdoor, a_family_without_a_listener_has_a_socket_of_its_own)
{
    struct probe *p = start("127.0.0.5:0", "[::1]:0");
    struct udpdoor_counts counts = announce(p, dgram_addr(p->tracker));

    cr_expect_eq(p->err, 0);
    cr_expect_eq(p->client.family, IP_V6);
    cr_expect_eq(counts.trackers, 0);
    stop(p);
}

Test(udpdoor, a_refused_announce_fails_at_once)
{
    struct probe *p = start("127.0.0.5:0", "127.0.0.1:0");
    struct endpoint to = *dgram_addr(p->tracker);

    dgram_free(p->tracker);
    p->tracker = NULL;
    (void)announce(p, &to);
    cr_expect_eq(p->err, SPRAT_E_REFUSED);
    stop(p);
}

/* The number of a socket for |to|, or -1. */
static int
socket_for(const struct udpdoor *u, const char *to)
{
    struct endpoint e;
    unsigned number;

    cr_assert_eq(addr_parse(to, &e), 0);
    return udpdoor_socket_for(u, &e, &number) ? (int)number : -1;
}

Test(udpdoor, a_loopback_address_reaches_only_this_machine)
{
    struct probe *p = start("127.0.0.5:0", "127.0.0.1:0");
    struct endpoint any = {.family = IP_V4};
    struct errbuf eb;

    cr_expect_eq(socket_for(p->door, "127.0.0.1:1"), 0);
    cr_expect_eq(socket_for(p->door, "192.0.2.1:1"), -1);
    cr_expect_eq(socket_for(p->door, "[2001:db8::1]:1"), -1);
    cr_assert_eq(udpdoor_open(p->door, &any, &eb), 0, "%s", eb.text);
    cr_expect_eq(socket_for(p->door, "192.0.2.1:1"), 1);
    stop(p);
}
