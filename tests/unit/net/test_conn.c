/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections over a socket pair; the test reads and writes the other end itself.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/sys/clock.h"
#include "peer/net/conn.h"
#include "peer/net/link_tcp.h"

enum { PIECES = 100, HELD_MAX = 16, TIMEOUT_MS = 300 };

/* What the connection under test reported, and how its owner behaves. */
struct probe {
    struct loop *loop;
    struct loop_timer *timer;
    struct conn_hub *hub;
    struct conn *conn;
    int fd; /* our end */
    struct handshake hello;
    int handshakes, closed, err, messages, pieces, read_failures;
    uint32_t haves[64];
    uint64_t sent_payload, sent_total;
    struct block *held[HELD_MAX]; /* blocks of pieces that came, kept while |hold| */
    int held_count;
    bool hold, close_on_message, reads_fail, reads_now;
    int again; /* the next calls of read() that return SPRAT_E_AGAIN */
    struct conn_piece *reading[64];
    int reading_count;
    int stop_after;     /* number of messages after which the loop stops */
    bool give;          /* after the handshake, conn_give() is called; */
    struct link *given; /* its result */
    size_t answer;      /* bytes of payload that each message is answered with */
    int file;           /* 0: none; else pieces are at hand in it, byte 0 being that of each */
    int64_t file_left;  /* bytes that still leave from there */
    uint32_t hand;      /* bytes said to be at hand, where that is more than was asked */
    int asks;           /* whether something is at hand */
};

static void
on_handshake(void *ctx, struct conn *c, const struct handshake *h)
{
    struct probe *p = ctx;

    p->handshakes++;
    p->hello = *h;
    if (p->give) {
        p->given = conn_give(c);
        p->conn = NULL;
        loop_stop(p->loop);
        return;
    }
    conn_answer(c, h);
    conn_start(c, PIECES, NULL);
}

static void
on_message(void *ctx, struct conn *c, const struct wire_msg *msg)
{
    struct probe *p = ctx;

    if (msg->type == WIRE_HAVE && p->messages < 64)
        p->haves[p->messages] = msg->piece;
    p->messages++;
    if (msg->type == WIRE_PIECE) {
        p->pieces++;
        if (p->hold && p->held_count < HELD_MAX)
            p->held[p->held_count++] = msg->block;
        else
            block_drop(msg->block);
    }
    if (p->close_on_message) {
        conn_close(c);
        p->conn = NULL;
    }
    if (p->answer > 0) {
        static const uint8_t zeros[65536];
        struct wire_msg answer = {.type = WIRE_HASHES, .data = zeros, .len = p->answer};

        conn_send(c, &answer);
    }
    if (p->messages == p->stop_after)
        loop_stop(p->loop);
}

static void
on_sent(void *ctx, struct conn *c, uint32_t payload, uint32_t total)
{
    struct probe *p = ctx;

    (void)c;
    p->sent_payload += payload;
    p->sent_total += total;
}

static int
on_read(void *ctx, struct conn *c, struct conn_piece *piece)
{
    struct probe *p = ctx;

    (void)c;
    if (p->again > 0) {
        p->again--;
        return SPRAT_E_AGAIN;
    }
    if (p->reads_now)
        return SPRAT_E_NOMEM;
    memset(piece->data, (int)piece->piece, piece->length);
    p->reading[p->reading_count++] = piece;
    return 0;
}

static int64_t
on_send_file(void *ctx, struct conn *c, const struct conn_piece *piece, uint32_t skip, uint32_t len,
             bool sure, struct link *to)
{
    struct probe *p = ctx;
    int64_t n;

    (void)c;
    (void)piece;
    (void)sure;
    if (p->file == 0 || p->file_left == 0)
        return SPRAT_E_NOENT;
    if (to == NULL) {
        p->asks++;
        return p->hand > len ? p->hand : len;
    }
    if ((int64_t)len > p->file_left)
        len = (uint32_t)p->file_left;
    n = link_sendfile(to, p->file, skip, len);
    if (n > 0)
        p->file_left -= n;
    return n;
}

static void
on_read_failed(void *ctx, struct conn *c, const struct conn_piece *piece, int err)
{
    struct probe *p = ctx;

    (void)c;
    (void)piece;
    cr_expect_neq(err, 0);
    p->read_failures++;
}

static void
on_closed(void *ctx, struct conn *c, int err)
{
    struct probe *p = ctx;

    (void)c;
    p->closed++;
    p->err = err;
    p->conn = NULL;
    loop_stop(p->loop);
}

static void
on_timer(void *ctx)
{
    struct probe *p = ctx;

    loop_stop(p->loop);
}

static void
run_ms(struct probe *p, int ms)
{
    loop_timer_set(p->timer, mono_add_ms(clock_mono(), ms));
    cr_assert_eq(loop_run(p->loop), 0);
    loop_timer_set(p->timer, MONO_NEVER);
}

static void
start(struct probe *p, uint32_t blocks)
{
    struct conn_handler h = {.ctx = p,
                             .on_handshake = on_handshake,
                             .on_message = on_message,
                             .on_sent = on_sent,
                             .send_file = on_send_file,
                             .read = on_read,
                             .on_read_failed = on_read_failed,
                             .on_closed = on_closed};
    struct endpoint peer = {.family = IP_V4, .ip = {127, 0, 0, 1}, .port = 1};
    struct link *link;
    struct errbuf eb;
    int fds[2];

    memset(p, 0, sizeof(*p));
    cr_assert_eq(loop_new(&p->loop, &eb), 0);
    p->timer = loop_timer_new(p->loop, on_timer, p);
    p->hub = conn_hub_new(p->loop, blocks, CONN_HUB_BUFFERS_MAX);
    cr_assert_not_null(p->hub);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    p->fd = fds[1];
    cr_assert_eq(link_tcp_new(p->loop, fds[0], &link), 0);
    cr_assert_eq(conn_accept(p->hub, link, &peer, TIMEOUT_MS, &h, &p->conn), 0);
}

static void
stop(struct probe *p)
{
    for (int i = 0; i < p->held_count; i++)
        block_drop(p->held[i]);
    conn_close(p->conn);
    conn_hub_free(p->hub);
    loop_timer_free(p->timer);
    loop_free(p->loop);
    close(p->fd);
    if (p->file != 0)
        close(p->file);
}

static void
put(struct probe *p, const void *bytes, size_t len)
{
    cr_assert_eq(write(p->fd, bytes, len), (ssize_t)len);
}

static void
hello_bytes(uint8_t out[HANDSHAKE_LEN])
{
    struct handshake h = {.fast = true, .extended = true};

    memset(h.info_hash, 0xab, sizeof(h.info_hash));
    memset(h.peer_id, 0xcd, sizeof(h.peer_id));
    handshake_encode(&h, out);
}

/* Completes the handshakes, and reads the answer from our end. */
static void
shake(struct probe *p)
{
    uint8_t hello[HANDSHAKE_LEN], answer[HANDSHAKE_LEN];

    hello_bytes(hello);
    put(p, hello, sizeof(hello));
    run_ms(p, 10);
    cr_assert_eq(p->handshakes, 1);
    cr_assert_eq(read(p->fd, answer, sizeof(answer)), HANDSHAKE_LEN);
    cr_assert_eq(memcmp(hello, answer, sizeof(hello)), 0);
    p->sent_payload = p->sent_total = 0;
}

/* Bytes that we sent and the connection has not read. */
static int
recv_left(const struct probe *p)
{
    int n = 0;

    cr_assert_eq(ioctl(p->fd, TIOCOUTQ, &n), 0);
    return n;
}

static const uint8_t have_7[] = {0, 0, 0, 5, 4, 0, 0, 0, 7};

Test(conn, a_handshake_split_at_every_byte)
{
    uint8_t bytes[HANDSHAKE_LEN + sizeof(have_7)];

    hello_bytes(bytes);
    memcpy(bytes + HANDSHAKE_LEN, have_7, sizeof(have_7));
    for (size_t split = 1; split < sizeof(bytes); split++) {
        struct probe p;

        start(&p, 10);
        p.stop_after = 1;
        put(&p, bytes, split);
        run_ms(&p, 2);
        cr_expect_eq(p.handshakes, split >= HANDSHAKE_LEN ? 1 : 0);
        put(&p, bytes + split, sizeof(bytes) - split);
        run_ms(&p, 1000);
        cr_expect_eq(p.handshakes, 1);
        cr_expect_eq(p.hello.info_hash[3], 0xab);
        cr_expect_eq(p.hello.peer_id[3], 0xcd);
        cr_expect_eq(p.messages, 1);
        cr_expect_eq(p.haves[0], 7u);
        cr_expect_eq(p.closed, 0);
        stop(&p);
    }
}

Test(conn, garbage_is_refused_at_its_first_byte)
{
    static const char *const bad[] = {"GET / HTTP/1.1\r\n", "\023BitTorrent protocoL", "\x14"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct probe p;

        start(&p, 10);
        put(&p, bad[i], strlen(bad[i]));
        run_ms(&p, 1000);
        cr_expect_eq(p.closed, 1);
        cr_expect_eq(p.err, SPRAT_E_PROTOCOL);
        cr_expect_eq(p.handshakes, 0);
        stop(&p);
    }
}

Test(conn, silence_and_an_early_end)
{
    struct probe p;

    start(&p, 10);
    put(&p,
        "\x13"
        "Bit",
        4);
    run_ms(&p, 2000);
    cr_expect_eq(p.err, SPRAT_E_TIMEOUT);
    stop(&p);
    start(&p, 10);
    put(&p,
        "\x13"
        "Bit",
        4);
    shutdown(p.fd, SHUT_WR);
    run_ms(&p, 2000);
    cr_expect_eq(p.err, SPRAT_E_CLOSED);
    stop(&p);
}

Test(conn, no_timeout_once_hands_are_shaken)
{
    struct probe p;

    start(&p, 10);
    shake(&p);
    run_ms(&p, TIMEOUT_MS + 100);
    cr_expect_eq(p.closed, 0);
    stop(&p);
}

/* The peer has sent more than a handshake before the connection moves. */
Test(conn, given_to_another_hub_it_goes_on_there)
{
    struct endpoint peer = {.family = IP_V4, .ip = {127, 0, 0, 1}, .port = 1};
    uint8_t bytes[HANDSHAKE_LEN + sizeof(have_7)];
    struct conn_handler h;
    struct probe from, to;

    start(&from, 10);
    start(&to, 10);
    h = (struct conn_handler){
        .ctx = &to, .on_message = on_message, .on_sent = on_sent, .on_closed = on_closed};
    from.give = true;
    hello_bytes(bytes);
    memcpy(bytes + HANDSHAKE_LEN, have_7, sizeof(have_7));
    put(&from, bytes, sizeof(bytes));
    run_ms(&from, 1000);
    cr_assert_not_null(from.given);
    conn_close(to.conn);
    cr_assert_eq(conn_adopt(to.hub, from.given, &peer, TIMEOUT_MS, &h, &to.conn), 0);
    run_ms(&to, 10);
    cr_expect_eq(to.messages, 0, "nothing is read before it starts");
    conn_answer(to.conn, &from.hello);
    conn_start(to.conn, PIECES, NULL);
    to.stop_after = 1;
    run_ms(&to, 1000);
    cr_expect_eq(to.messages, 1);
    cr_expect_eq(to.haves[0], 7u);
    cr_expect_eq(read(from.fd, bytes, sizeof(bytes)), HANDSHAKE_LEN, "the answer");
    cr_expect_eq(from.closed, 0);
    stop(&to);
    stop(&from);
}

Test(conn, adopted_and_never_started_it_is_closed)
{
    struct endpoint peer = {.family = IP_V4, .ip = {127, 0, 0, 1}, .port = 1};
    struct conn_handler h;
    struct probe from, to;
    uint8_t hello[HANDSHAKE_LEN];

    start(&from, 10);
    start(&to, 10);
    h = (struct conn_handler){.ctx = &to, .on_closed = on_closed};
    from.give = true;
    hello_bytes(hello);
    put(&from, hello, sizeof(hello));
    run_ms(&from, 1000);
    conn_close(to.conn);
    cr_assert_eq(conn_adopt(to.hub, from.given, &peer, TIMEOUT_MS, &h, &to.conn), 0);
    run_ms(&to, 5000);
    cr_expect_eq(to.err, SPRAT_E_TIMEOUT);
    stop(&to);
    stop(&from);
}

Test(conn, a_malformed_message_ends_it)
{
    static const uint8_t bad_have[] = {0, 0, 0, 4, 4, 0, 0, 7};
    static const uint8_t huge[] = {0x7f, 0xff, 0xff, 0xff, 7};
    const uint8_t *const bad[] = {bad_have, huge};
    const size_t lens[] = {sizeof(bad_have), sizeof(huge)};

    for (int i = 0; i < 2; i++) {
        struct probe p;

        start(&p, 10);
        shake(&p);
        put(&p, have_7, sizeof(have_7));
        put(&p, bad[i], lens[i]);
        run_ms(&p, 1000);
        cr_expect_eq(p.messages, 1);
        cr_expect_eq(p.err, SPRAT_E_PROTOCOL);
        stop(&p);
    }
}

static struct wire_msg
have(uint32_t piece)
{
    return (struct wire_msg){.type = WIRE_HAVE, .piece = piece};
}

/* Messages and pieces leave in the order in which they were asked for, though the second piece is
 * read before the first. */
Test(conn, order_is_kept_whatever_the_disk_does)
{
    struct probe p;
    uint8_t got[3 * 9 + 13 + 1000 + 13 + 500];
    const uint8_t *at = got;
    struct wire_msg msg;

    start(&p, 10);
    shake(&p);
    msg = have(1);
    conn_send(p.conn, &msg);
    conn_send_piece(p.conn, 5, 0, 1000, 1000);
    msg = have(2);
    conn_send(p.conn, &msg);
    conn_send_piece(p.conn, 6, 16384, 500, 500);
    msg = have(3);
    conn_send(p.conn, &msg);
    run_ms(&p, 10);
    cr_assert_eq(p.reading_count, 2);
    cr_expect_eq(read(p.fd, got, sizeof(got)), 9, "what is in front of the piece leaves");
    conn_piece_done(p.reading[1], 0);
    run_ms(&p, 10);
    cr_expect_eq(read(p.fd, got, sizeof(got)), -1);
    conn_piece_done(p.reading[0], 0);
    run_ms(&p, 10);
    cr_assert_eq(read(p.fd, got, sizeof(got)), (ssize_t)sizeof(got) - 9);
    cr_expect_eq(get_u32be(at), 9u + 1000);
    cr_expect_eq(at[4], 7);
    cr_expect_eq(get_u32be(at + 5), 5u);
    cr_expect_eq(at[13], 5);
    cr_expect_eq(at[13 + 999], 5);
    at += 13 + 1000;
    cr_expect_eq(get_u32be(at + 5), 2u, "the message between them");
    at += 9;
    cr_expect_eq(get_u32be(at + 5), 6u);
    cr_expect_eq(get_u32be(at + 9), 16384u);
    at += 13 + 500;
    cr_expect_eq(get_u32be(at + 5), 3u);
    cr_expect_eq(p.sent_payload, 1500u);
    cr_expect_eq(p.sent_total, sizeof(got));
    stop(&p);
}

/* An upload limit lets a piece leave in parts; messages queued after it leave after it. */
Test(conn, a_piece_leaves_as_far_as_it_is_allowed)
{
    struct probe p;
    uint8_t got[2000];
    struct wire_msg msg = have(2);

    start(&p, 10);
    shake(&p);
    conn_send_piece(p.conn, 5, 0, 1000, 100);
    conn_send(p.conn, &msg);
    run_ms(&p, 10);
    cr_assert_eq(p.reading_count, 1);
    conn_piece_done(p.reading[0], 0);
    run_ms(&p, 10);
    cr_expect_eq(read(p.fd, got, sizeof(got)), 13 + 100);
    conn_allow(p.conn, 5, 16384, 100);
    conn_allow(p.conn, 4, 0, 100);
    run_ms(&p, 10);
    cr_expect_eq(read(p.fd, got, sizeof(got)), -1, "that is another piece");
    conn_allow(p.conn, 5, 0, 1);
    run_ms(&p, 10);
    cr_expect_eq(read(p.fd, got, sizeof(got)), 1);
    conn_allow(p.conn, 5, 0, UINT32_MAX);
    run_ms(&p, 10);
    cr_expect_eq(read(p.fd, got, sizeof(got)), 899 + 9);
    cr_expect_eq(p.sent_payload, 1000u);
    conn_allow(p.conn, 5, 0, 1);
    run_ms(&p, 10);
    cr_expect_eq(read(p.fd, got, sizeof(got)), -1, "it has left");
    stop(&p);
}

/* A file of |len| bytes, each the low byte of its place plus |plus|. */
static int
pattern_file(size_t len, uint8_t plus)
{
    FILE *f = tmpfile();
    int fd;

    cr_assert_not_null(f);
    for (size_t i = 0; i < len; i++)
        putc((uint8_t)(i + plus), f);
    fflush(f);
    fd = dup(fileno(f));
    fclose(f);
    cr_assert_geq(fd, 0);
    return fd;
}

/* Reads |len| bytes from our end. */
static void
take(struct probe *p, uint8_t *out, size_t len)
{
    size_t got = 0;

    for (int i = 0; i < 5000 && got < len && p->closed == 0; i++) {
        ssize_t n = read(p->fd, out + got, len - got);

        if (n > 0)
            got += (size_t)n;
        else
            run_ms(p, 1);
    }
    cr_assert_eq(got, len);
}

static bool
is_pattern(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != (uint8_t)i)
            return false;
    return true;
}

Test(conn, what_is_at_hand_leaves_from_its_file)
{
    static uint8_t got[9 + 13 + 16384 + 9 + 13 + 100000 + 13 + 10];
    struct probe p;
    struct wire_msg msg = have(1);
    const uint8_t *at = got;

    start(&p, 10);
    shake(&p);
    p.file = pattern_file(100000, 0);
    p.file_left = INT64_MAX;
    conn_send(p.conn, &msg);
    conn_send_piece(p.conn, 5, 0, 16384, 16384);
    msg = have(2);
    conn_send(p.conn, &msg);
    conn_send_piece(p.conn, 6, 0, 100000, 100000); /* more than the socket takes at once */
    conn_send_piece(p.conn, 7, 0, 10, 10);
    take(&p, got, sizeof(got));
    cr_expect_eq(get_u32be(at + 5), 1u);
    at += 9;
    cr_expect_eq(get_u32be(at), 9u + 16384);
    cr_expect_eq(get_u32be(at + 5), 5u);
    cr_expect(is_pattern(at + 13, 16384));
    at += 13 + 16384;
    cr_expect_eq(get_u32be(at + 5), 2u);
    at += 9;
    cr_expect_eq(get_u32be(at + 5), 6u);
    cr_expect(is_pattern(at + 13, 100000));
    at += 13 + 100000;
    cr_expect_eq(get_u32be(at + 5), 7u);
    cr_expect(is_pattern(at + 13, 10));
    cr_expect_eq(p.reading_count, 0, "nothing was read into memory");
    cr_expect_eq(p.sent_payload, 116394u);
    cr_expect_eq(p.sent_total, sizeof(got));
    stop(&p);
}

/* One answer does for the blocks behind the first, not for other pieces nor for what lies
 * before. */
Test(conn, what_is_at_hand_is_asked_once_for_many_blocks)
{
    static uint8_t got[6 * (13 + 1000)];
    struct probe p;

    start(&p, 10);
    shake(&p);
    p.file = pattern_file(1000, 0);
    p.file_left = INT64_MAX;
    p.hand = 3500;
    conn_send_piece(p.conn, 5, 1000, 1000, 1000);
    conn_send_piece(p.conn, 5, 2000, 1000, 1000);
    conn_send_piece(p.conn, 5, 3000, 1000, 1000);
    take(&p, got, 3 * (13 + 1000));
    cr_expect_eq(p.asks, 1);
    conn_send_piece(p.conn, 5, 4000, 1000, 1000); /* reaches beyond */
    take(&p, got, 13 + 1000);
    cr_expect_eq(p.asks, 2);
    conn_send_piece(p.conn, 5, 3000, 1000, 1000);
    take(&p, got, 13 + 1000);
    cr_expect_eq(p.asks, 3);
    conn_send_piece(p.conn, 6, 3000, 1000, 1000);
    take(&p, got, 13 + 1000);
    cr_expect_eq(p.asks, 4);
    cr_expect_eq(p.reading_count, 0);
    stop(&p);
}

Test(conn, from_its_file_too_a_piece_leaves_as_far_as_it_is_allowed)
{
    uint8_t got[13 + 1000];
    struct probe p;

    start(&p, 10);
    shake(&p);
    p.file = pattern_file(1000, 0);
    p.file_left = INT64_MAX;
    conn_send_piece(p.conn, 5, 0, 1000, 0);
    take(&p, got, 13);
    run_ms(&p, 10);
    cr_expect_eq(read(p.fd, got, sizeof(got)), -1);
    conn_allow(p.conn, 5, 0, 100);
    take(&p, got + 13, 100);
    run_ms(&p, 10);
    cr_expect_eq(read(p.fd, got, sizeof(got)), -1);
    conn_allow(p.conn, 5, 0, UINT32_MAX);
    take(&p, got + 113, sizeof(got) - 113);
    cr_expect(is_pattern(got + 13, 1000));
    cr_expect_eq(p.sent_payload, 1000u);
    stop(&p);
}

/* Half of the piece was sent when the page cache dropped its file: the rest is read from disk. */
Test(conn, what_is_at_hand_no_longer_is_read)
{
    uint8_t got[13 + 16384 + 13 + 1000];
    struct probe p;

    start(&p, 10);
    shake(&p);
    p.file = pattern_file(16384, 0);
    p.file_left = 8192;
    conn_send_piece(p.conn, 5, 0, 16384, 16384);
    conn_send_piece(p.conn, 6, 0, 1000, 1000);
    take(&p, got, 13 + 8192);
    for (int i = 0; i < 1000 && p.reading_count == 0; i++)
        run_ms(&p, 1);
    cr_assert_eq(p.reading_count, 1);
    cr_assert_eq(p.reading[0]->length, 16384u);
    conn_piece_done(p.reading[0], 0);
    for (int i = 0; i < 1000 && p.reading_count == 1; i++)
        run_ms(&p, 1);
    cr_assert_eq(p.reading_count, 2);
    conn_piece_done(p.reading[1], 0);
    take(&p, got + 13 + 8192, sizeof(got) - 13 - 8192);
    cr_expect(is_pattern(got + 13, 8192));
    for (int i = 8192; i < 16384; i++)
        cr_assert_eq(got[13 + i], 5);
    cr_expect_eq(get_u32be(got + 13 + 16384 + 5), 6u);
    cr_expect_eq(p.sent_payload, 17384u);
    stop(&p);
}

/* Half a piece was sent when its file disappeared: the connection ends. */
Test(conn, half_a_piece_ends_the_connection)
{
    struct probe p;

    start(&p, 10);
    shake(&p);
    p.file = pattern_file(16384, 0);
    p.file_left = 8192;
    conn_send_piece(p.conn, 5, 0, 16384, 16384);
    for (int i = 0; i < 1000 && p.reading_count == 0; i++)
        run_ms(&p, 1);
    cr_assert_eq(p.reading_count, 1);
    conn_piece_done(p.reading[0], SPRAT_E_SHORT);
    cr_expect_eq(p.read_failures, 1);
    cr_expect_eq(p.closed, 1);
    cr_expect_eq(p.err, SPRAT_E_SHORT);
    stop(&p);
}

/* Some clients ask for more than one block at a time (BEP 3 leaves the length to them). */
Test(conn, a_piece_of_the_largest_request)
{
    struct probe p;
    uint8_t got[16384];
    size_t sum = 0;

    start(&p, 10);
    shake(&p);
    conn_send_piece(p.conn, 5, 16384, WIRE_REQUEST_MAX, WIRE_REQUEST_MAX);
    run_ms(&p, 10);
    cr_assert_eq(p.reading_count, 1);
    cr_assert_eq(p.reading[0]->length, WIRE_REQUEST_MAX);
    memset(p.reading[0]->data, 5, WIRE_REQUEST_MAX);
    conn_piece_done(p.reading[0], 0);
    for (int i = 0; i < 200 && sum < WIRE_REQUEST_MAX + 13; i++) {
        ssize_t n = read(p.fd, got, sizeof(got));

        if (n > 0) {
            cr_expect_eq(got[n - 1], 5);
            sum += (size_t)n;
        }
        run_ms(&p, 1);
    }
    cr_expect_eq(sum, (size_t)WIRE_REQUEST_MAX + 13);
    cr_expect_eq(p.sent_payload, (uint32_t)WIRE_REQUEST_MAX);
    stop(&p);
}

static void
check_answers_are_read(bool downloading)
{
    enum { ASKS = 200, ANSWER = 16384 };
    static uint8_t got[1 << 20], block[13 + BLOCK_LEN];
    struct probe p;
    size_t sum = 0;

    start(&p, 10);
    shake(&p);
    if (downloading) {
        put_u32be(block, 9 + BLOCK_LEN);
        block[4] = 7;
        put(&p, block, sizeof(block));
        run_ms(&p, 20);
        cr_expect_eq(p.pieces, 1);
        p.messages = 0;
    }
    p.answer = ANSWER;
    for (int i = 0; i < ASKS; i++)
        put(&p, have_7, sizeof(have_7));
    run_ms(&p, 50);
    cr_expect_lt(p.messages, ASKS, "all were taken though nothing was read");
    cr_expect_eq(p.closed, 0);
    for (int i = 0; i < 2000 && sum < (size_t)ASKS * (ANSWER + 53); i++) {
        ssize_t n = read(p.fd, got, sizeof(got));

        sum += n > 0 ? (size_t)n : 0;
        run_ms(&p, 1);
    }
    cr_expect_eq(p.messages, ASKS);
    cr_expect_eq(sum, (size_t)ASKS * (ANSWER + 53));
    cr_expect_eq(p.closed, 0);
    stop(&p);
}

/* A hash request of 53 bytes has an answer of 16 KiB and more. A peer that sends many at once gets
 * its answers as fast as it reads them, and none is lost. */
Test(conn, who_asks_for_much_has_to_read_it)
{
    check_answers_are_read(false);
}

/* The same if read-ahead for blocks received the requests. */
Test(conn, who_asks_for_much_between_blocks_has_to_read_it)
{
    check_answers_are_read(true);
}

Test(conn, a_failed_read_is_left_out)
{
    struct probe p;
    struct wire_msg msg = have(9);
    uint8_t got[64];

    start(&p, 10);
    shake(&p);
    conn_send_piece(p.conn, 5, 0, 100, 100);
    conn_send(p.conn, &msg);
    run_ms(&p, 10);
    conn_piece_done(p.reading[0], SPRAT_E_SHORT);
    run_ms(&p, 10);
    cr_expect_eq(p.read_failures, 1);
    cr_expect_eq(read(p.fd, got, sizeof(got)), 9);
    p.reads_now = true; /* fails at once */
    conn_send_piece(p.conn, 6, 0, 100, 100);
    run_ms(&p, 10);
    cr_expect_eq(p.read_failures, 2);
    cr_expect_eq(p.closed, 0);
    stop(&p);
}

Test(conn, reads_that_must_wait_are_tried_again)
{
    struct probe p;

    start(&p, 10);
    shake(&p);
    p.again = 2;
    conn_send_piece(p.conn, 5, 0, 100, 100);
    run_ms(&p, 10);
    cr_expect_eq(p.reading_count, 0);
    for (int i = 0; i < 2; i++) {
        conn_hub_kick(p.hub);
        run_ms(&p, 10);
    }
    cr_assert_eq(p.reading_count, 1);
    conn_piece_done(p.reading[0], 0);
    run_ms(&p, 10);
    cr_expect_eq(p.sent_payload, 100u);
    stop(&p);
}

Test(conn, closed_while_a_piece_is_read)
{
    struct probe p;

    start(&p, 10);
    shake(&p);
    conn_send_piece(p.conn, 5, 0, 100, 100);
    run_ms(&p, 10);
    conn_close(p.conn);
    p.conn = NULL;
    run_ms(&p, 10);
    conn_piece_done(p.reading[0], 0);
    cr_expect_eq(p.sent_payload, 0u);
    stop(&p);
}

Test(conn, closed_in_its_own_callback)
{
    struct probe p;

    start(&p, 10);
    shake(&p);
    p.close_on_message = true;
    put(&p, have_7, sizeof(have_7));
    put(&p, have_7, sizeof(have_7));
    run_ms(&p, 20);
    cr_expect_eq(p.messages, 1);
    cr_expect_eq(p.closed, 0);
    stop(&p);
}

Test(conn, a_peer_that_never_reads_is_given_up)
{
    struct probe p;
    struct wire_msg msg = have(1);

    start(&p, 10);
    shake(&p);
    for (int i = 0; i < CONN_CTL_MAX / 9 + 1; i++)
        conn_send(p.conn, &msg);
    run_ms(&p, 1000);
    cr_expect_eq(p.closed, 1);
    cr_expect_eq(p.err, SPRAT_E_LIMIT);
    stop(&p);
    start(&p, 10);
    shake(&p);
    for (int i = 0; i <= CONN_PIECES_MAX; i++)
        conn_send_piece(p.conn, 1, 0, 1, 1);
    run_ms(&p, 1000);
    cr_expect_eq(p.err, SPRAT_E_LIMIT);
    stop(&p);
}

/* Of the pieces that wait, only so many are in memory. */
Test(conn, reads_ahead_are_bounded)
{
    struct probe p;

    start(&p, 10);
    shake(&p);
    for (int i = 0; i < 3 * CONN_PIECES_AHEAD; i++)
        conn_send_piece(p.conn, 1, 0, 1, 1);
    run_ms(&p, 20);
    cr_expect_eq(p.reading_count, CONN_PIECES_AHEAD);
    conn_close(p.conn);
    p.conn = NULL;
    for (int i = 0; i < p.reading_count; i++)
        conn_piece_done(p.reading[i], 0);
    stop(&p);
}

static void
put_piece(struct probe *p, uint32_t piece)
{
    static uint8_t bytes[13 + 1024];

    put_u32be(bytes, 9 + 1024);
    bytes[4] = 7;
    put_u32be(bytes + 5, piece);
    put_u32be(bytes + 9, 0);
    put(p, bytes, sizeof(bytes));
}

Test(conn, an_exhausted_pool_stops_reading_until_blocks_come_back)
{
    struct probe p;

    start(&p, 2);
    shake(&p);
    p.hold = true;
    for (uint32_t i = 0; i < 5; i++)
        put_piece(&p, i);
    put(&p, have_7, sizeof(have_7));
    run_ms(&p, 30);
    cr_expect_eq(p.pieces, 2);
    block_drop(p.held[--p.held_count]);
    conn_hub_kick(p.hub);
    run_ms(&p, 30);
    cr_expect_eq(p.pieces, 3);
    p.hold = false;
    while (p.held_count > 0)
        block_drop(p.held[--p.held_count]);
    conn_hub_kick(p.hub);
    run_ms(&p, 30);
    cr_expect_eq(p.pieces, 5);
    cr_expect_eq(p.messages, 6);
    stop(&p);
}

/* Bytes that were read ahead wait for free blocks, and are handled when there are some, although no
 * further byte arrives. */
Test(conn, what_was_read_ahead_waits_for_blocks)
{
    static uint8_t stream[13 + BLOCK_LEN];
    struct probe p;

    start(&p, 8);
    shake(&p);
    put_u32be(stream, 9 + BLOCK_LEN);
    stream[4] = 7;
    put(&p, stream, sizeof(stream)); /* whole blocks are expected from now on */
    run_ms(&p, 30);
    cr_expect_eq(p.pieces, 1);
    p.hold = true;
    for (uint32_t i = 0; i < 10; i++)
        put_piece(&p, i);
    put(&p, have_7, sizeof(have_7));
    run_ms(&p, 30);
    cr_expect_lt(p.pieces, 11);
    cr_expect_eq(recv_left(&p), 0, "all of it was read");
    for (int round = 0; round < 4 && p.messages < 12; round++) {
        while (p.held_count > 0)
            block_drop(p.held[--p.held_count]);
        conn_hub_kick(p.hub);
        run_ms(&p, 30);
    }
    cr_expect_eq(p.pieces, 11);
    cr_expect_eq(p.messages, 12);
    stop(&p);
}

Test(conn, a_reset_while_sending_is_told)
{
    struct probe p;

    start(&p, 10);
    shake(&p);
    close(p.fd);
    p.fd = -1;
    conn_send(p.conn, &(struct wire_msg){.type = WIRE_KEEPALIVE});
    run_ms(&p, 1000);
    cr_expect_eq(p.closed, 1);
    p.fd = open("/dev/null", O_RDONLY);
    stop(&p);
}
