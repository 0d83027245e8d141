/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests that wait for Redis at the HTTP and UDP fronts: until it has answered, for a while at
 * most, behind each other, and as many as there is room for.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "tests/unit/tracker/dial.h"
#include "tracker/core/tracker.h"
#include "tracker/net/http_front.h"
#include "tracker/net/udp_front.h"

enum { LOOKS_MAX = 10000 };

static const struct endpoint local = {.ip = {127, 0, 0, 1}, .family = IP_V4};
static const uint8_t hash[TRACKER_HASH_LEN] = "aaaaaaaaaaaaaaaaaaaa";
static const char secret[] = "shared secret...incarn01";

struct rig {
    struct loop *loop;
    struct loop_timer *timer;
    struct tracker *t;
    struct http_service http;
    struct udp_service udp;
    struct http_front *http_front;
    struct udp_front *udp_front;
    uint64_t connection;
    int fd; /* of a client over UDP */
};

/* ---- Redis ---- */

static void
reply(struct rig *r, const struct cluster_reply *one)
{
    cr_assert_eq(cluster_on_reply(tracker_cluster(r->t), one, NULL, loop_now(r->loop)), 0);
}

/* What an empty Redis says to a command. */
static void
play(struct rig *r, const struct cluster_command *cmd)
{
    char id[CLUSTER_SCRIPT_ID_LEN + 1];
    struct cluster_reply one = {.type = CLUSTER_REPLY_INTEGER};

    cluster_script_id(id);
    if (strcmp(cmd->argv[0], "SCRIPT") == 0)
        one = (struct cluster_reply){
            .type = CLUSTER_REPLY_STRING, .str = (const uint8_t *)id, .len = CLUSTER_SCRIPT_ID_LEN};
    else if (strcmp(cmd->argv[0], "GET") == 0 && memcmp(cmd->argv[1], "nkey", 4) == 0)
        one = (struct cluster_reply){.type = CLUSTER_REPLY_STRING,
                                     .str = (const uint8_t *)secret,
                                     .len = CLUSTER_SECRET_LEN};
    else if (strcmp(cmd->argv[0], "GET") == 0 || strcmp(cmd->argv[0], "SET") == 0)
        one.type = CLUSTER_REPLY_NIL;
    else if (strcmp(cmd->argv[0], "GETRANGE") == 0)
        one.type = CLUSTER_REPLY_STRING;
    else if (strcmp(cmd->argv[0], "ZRANDMEMBER") == 0)
        one.type = CLUSTER_REPLY_ARRAY;
    reply(r, &one);
}

static void
play_all(struct rig *r)
{
    static struct cluster_command cmd;

    while (cluster_next(tracker_cluster(r->t), &cmd, loop_now(r->loop)))
        play(r, &cmd);
}

/* ---- the tracker ---- */

static void
stop_loop(void *ctx)
{
    loop_stop(ctx);
}

static void
spin(struct rig *r)
{
    loop_timer_set(r->timer, mono_add_ms(loop_now(r->loop), 1));
    cr_assert_eq(loop_run(r->loop), 0);
}

/* Waits for something to come; returns its length. */
static size_t
receive(struct rig *r, int fd, void *dst, size_t max)
{
    ssize_t n = -1;

    for (int i = 0; i < LOOKS_MAX && n < 0; i++) {
        spin(r);
        n = recv(fd, dst, max, MSG_DONTWAIT);
        cr_assert(n >= 0 || errno == EAGAIN, "%d", errno);
    }
    cr_assert_geq(n, 0, "nothing came");
    return (size_t)n;
}

static bool
has_come(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
}

static uint64_t
parked(const struct rig *r)
{
    return http_front_parked(r->http_front) + udp_front_parked(r->udp_front);
}

/* Waits until so many requests wait. */
static void
await_parked(struct rig *r, uint64_t n)
{
    for (int i = 0; i < LOOKS_MAX && parked(r) < n; i++)
        spin(r);
    cr_assert_eq(parked(r), n);
}

static void
get_connection(struct rig *r)
{
    uint8_t packet[TRACKER_UDP_REQUEST_MAX];
    size_t len = tracker_udp_put_connect(packet, 7);

    r->fd = dial(udp_front_addr(r->udp_front), SOCK_DGRAM);
    cr_assert_eq(send(r->fd, packet, len, 0), (ssize_t)len);
    cr_assert_eq(receive(r, r->fd, packet, sizeof(packet)), 16);
    r->connection = get_u64be(packet + 8);
}

/* A tracker whose Redis has answered its hello. */
static void
rig_start(struct rig *r)
{
    static const struct tracker_seed seed = {{1, 2}, 3};
    static const struct cluster_config cluster = {
        .name = "n", .user = "", .password = "", .seed = 4};
    struct http_front_limits limits = {.connections_max = 10, .timeout_s = 20};
    struct http_handler handler = http_front_tracker(&r->http);
    struct tracker_config config;
    struct tracker_doors doors;
    struct errbuf eb;

    tracker_config_init(&config);
    cr_assert_eq(loop_new(&r->loop, &eb), 0);
    r->timer = loop_timer_new(r->loop, stop_loop, r->loop);
    r->t = tracker_new(&config, &seed);
    cr_assert_eq(tracker_join(r->t, &cluster), 0);
    tracker_set_unix(r->t, 1700000000, loop_now(r->loop));
    doors = tracker_doors_to(r->t);
    http_service_init(&r->http, &doors);
    udp_service_init(&r->udp, &doors, (const uint8_t *)"secretsecretsecr");
    cr_assert_eq(
        http_front_new(r->loop, &local, PORT_ALONE, &handler, &limits, &r->http_front, &eb), 0);
    cr_assert_eq(udp_front_new(r->loop, &local, PORT_ALONE, &r->udp, &r->udp_front, &eb), 0);
    get_connection(r);
    cluster_on_connected(tracker_cluster(r->t), loop_now(r->loop));
    play_all(r);
    cr_assert(cluster_is_ready(tracker_cluster(r->t)));
}

static void
rig_stop(struct rig *r)
{
    close(r->fd);
    http_front_free(r->http_front);
    udp_front_free(r->udp_front);
    http_service_fini(&r->http);
    tracker_free(r->t);
    loop_timer_free(r->timer);
    loop_free(r->loop);
}

static void
announce(struct rig *r, uint32_t transaction)
{
    uint8_t packet[TRACKER_UDP_REQUEST_MAX];
    struct tracker_announce a = {.left = 1, .port = 1000, .numwant = 50};
    size_t len;

    memcpy(a.info_hash, hash, sizeof(hash));
    len = tracker_udp_put_announce(packet, r->connection, transaction, &a, NULL);
    cr_assert_eq(send(r->fd, packet, len, 0), (ssize_t)len);
}

static void
expect_answer(struct rig *r, uint32_t transaction)
{
    uint8_t packet[TRACKER_UDP_REPLY_MAX_V4];
    struct tracker_udp_head h;
    size_t len = receive(r, r->fd, packet, sizeof(packet));

    cr_assert_eq(tracker_udp_parse_head(&h, packet, len), 0);
    cr_assert_eq(h.transaction, transaction);
    cr_assert_eq(h.action, TRACKER_UDP_ANNOUNCE);
}

/* ---- tests ---- */

Test(parking, packets_wait_for_redis_in_their_order)
{
    struct rig r;

    rig_start(&r);
    for (uint32_t i = 0; i < 3; i++)
        announce(&r, i);
    await_parked(&r, 3);
    udp_front_poke(r.udp_front);
    cr_assert(parked(&r) == 3 && !has_come(r.fd), "Redis has said nothing yet");
    play_all(&r);
    udp_front_poke(r.udp_front);
    cr_assert_eq(parked(&r), 0);
    for (uint32_t i = 0; i < 3; i++)
        expect_answer(&r, i);
    cr_assert_eq(tally_get(&r.udp.parked), 3);
    rig_stop(&r);
}

Test(parking, packets_wait_for_a_while_at_most)
{
    struct rig r;

    rig_start(&r);
    announce(&r, 1);
    await_parked(&r, 1);
    expect_answer(&r, 1);
    cr_assert_eq(parked(&r), 0);
    rig_stop(&r);
}

Test(parking, packets_that_find_no_room_are_answered)
{
    struct rig r;

    rig_start(&r);
    for (uint32_t i = 0; i < UDP_FRONT_PARKED_MAX; i++) {
        announce(&r, i);
        if (i % UDP_FRONT_BATCH == 0)
            spin(&r);
        if (has_come(r.fd))
            break; /* the first have waited long enough: a slow machine */
    }
    announce(&r, UDP_FRONT_PARKED_MAX);
    for (int i = 0; i < LOOKS_MAX && !has_come(r.fd); i++)
        spin(&r);
    cr_assert_leq(parked(&r), UDP_FRONT_PARKED_MAX);
    cr_assert(has_come(r.fd));
    rig_stop(&r);
}

#define REQUEST                                                                                    \
    "GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=1&left=1"      \
    "&uploaded=0&downloaded=0&compact=1 HTTP/1.1\r\nHost: t\r\n\r\n"

static unsigned
count(const char *text, const char *word)
{
    unsigned n = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

/* An address in it may have bytes that end a text. */
static size_t
receive_text(struct rig *r, int fd, char *dst, size_t max)
{
    size_t len = receive(r, fd, dst, max);

    for (size_t i = 0; i < len; i++)
        dst[i] = dst[i] == '\0' ? '.' : dst[i];
    return len;
}

static void
send_text(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

Test(parking, what_follows_on_a_connection_waits_too)
{
    static char got[8192];
    struct rig r;
    size_t len = 0;
    int fd, gone;

    rig_start(&r);
    fd = dial(http_front_addr(r.http_front), SOCK_STREAM);
    gone = dial(http_front_addr(r.http_front), SOCK_STREAM);
    send_text(fd, REQUEST "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n");
    send_text(gone, REQUEST);
    await_parked(&r, 2);
    http_front_poke(r.http_front);
    cr_assert(parked(&r) == 2 && !has_come(fd), "Redis has said nothing yet");
    close(gone);
    play_all(&r);
    http_front_poke(r.http_front);
    for (int i = 0; i < 10 && count(got, "HTTP/1.1 ") < 2; i++)
        len += receive_text(&r, fd, got + len, sizeof(got) - 1 - len);
    cr_assert_eq(count(got, "HTTP/1.1 "), 2, "%s", got);
    cr_assert_lt(strstr(got, "HTTP/1.1 200 "), strstr(got, "HTTP/1.1 404 "));
    cr_assert_eq(parked(&r), 0);
    close(fd);
    rig_stop(&r);
}

Test(parking, a_connection_waits_for_a_while_at_most)
{
    static char got[8192];
    struct rig r;
    int fd;

    rig_start(&r);
    fd = dial(http_front_addr(r.http_front), SOCK_STREAM);
    send_text(fd, REQUEST);
    await_parked(&r, 1);
    receive(&r, fd, got, sizeof(got) - 1);
    cr_assert_eq(count(got, "HTTP/1.1 200 "), 1);
    cr_assert_eq(parked(&r), 0);
    close(fd);
    rig_stop(&r);
}

/* Those that wait go with the fronts. */
Test(parking, it_ends_while_requests_wait)
{
    struct rig r;
    int fd;

    rig_start(&r);
    fd = dial(http_front_addr(r.http_front), SOCK_STREAM);
    send_text(fd, REQUEST);
    announce(&r, 1);
    await_parked(&r, 2);
    rig_stop(&r);
    close(fd);
}
