/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Links: leftovers, which all classes share, and whole connections over a class that has neither
 * sockets nor sendfile.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/sys/clock.h"
#include "peer/net/conn.h"
#include "peer/net/farewell.h"
#include "peer/net/link_tcp.h"
#include "tests/unit/net/mempair.h"

enum { PIECES = 100, TIMEOUT_MS = 5000, BLOCKS = 64 };

/* A loop with a way to run it for a while. */
struct place {
    struct loop *loop;
    struct loop_timer *timer;
    struct conn_hub *hub;
};

static void
on_timer(void *ctx)
{
    loop_stop(((struct place *)ctx)->loop);
}

static void
place_init(struct place *p)
{
    struct errbuf eb;

    cr_assert_eq(loop_new(&p->loop, &eb), 0);
    p->timer = loop_timer_new(p->loop, on_timer, p);
    p->hub = conn_hub_new(p->loop, BLOCKS, BLOCKS);
    cr_assert_not_null(p->hub);
}

static void
place_fini(struct place *p)
{
    conn_hub_free(p->hub);
    loop_timer_free(p->timer);
    loop_free(p->loop);
}

static void
run_ms(struct place *p, int ms)
{
    loop_timer_set(p->timer, mono_add_ms(clock_mono(), ms));
    cr_assert_eq(loop_run(p->loop), 0);
}

/* --- leftovers, over TCP's class --- */

struct reader {
    struct link *link;
    char got[64];
    size_t len;
    size_t read_max;
    int calls;
};

static void
read_more(void *ctx)
{
    struct reader *r = ctx;
    struct iovec iov = {r->got + r->len, r->read_max};
    int64_t n = link_readv(r->link, &iov, 1);

    r->calls++;
    if (n > 0)
        r->len += (size_t)n;
}

/* A link whose other end is |*fd|. */
static struct link *
tcp_link(struct place *p, struct reader *r, int *fd)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *fd = fds[1];
    memset(r, 0, sizeof(*r));
    r->read_max = 4;
    cr_assert_eq(link_tcp_new(p->loop, fds[0], &r->link), 0);
    link_set_handler(r->link, &(struct link_handler){.ctx = r, .on_readable = read_more});
    return r->link;
}

static void
put_back(struct link *l, const char *text)
{
    cr_assert_eq(link_put_back(l, (const uint8_t *)text, strlen(text)), 0);
}

Test(link, what_was_put_back_comes_first, .timeout = 20)
{
    struct reader r;
    struct place p;
    struct link *l;
    int fd;

    place_init(&p);
    l = tcp_link(&p, &r, &fd);
    cr_assert_eq(write(fd, "socket", 6), 6);
    put_back(l, "second ");
    put_back(l, "");
    put_back(l, "first ");
    run_ms(&p, 10);
    cr_expect_eq(r.calls, 0, "reading is not wanted yet");
    cr_assert_eq(link_want(l, LOOP_READ), 0);
    run_ms(&p, 20);
    cr_expect_str_eq(r.got, "first second socket");
    link_free(l);
    close(fd);
    place_fini(&p);
}

/* No byte comes by the socket, which alone would never be readable. */
Test(link, what_was_put_back_is_reported_by_itself, .timeout = 20)
{
    struct reader r;
    struct place p;
    struct link *l;
    int fd, calls;

    place_init(&p);
    l = tcp_link(&p, &r, &fd);
    cr_assert_eq(link_want(l, LOOP_READ), 0);
    put_back(l, "0123456789");
    run_ms(&p, 10);
    cr_expect_str_eq(r.got, "0123456789");
    calls = r.calls;
    run_ms(&p, 10);
    cr_expect_eq(r.calls, calls, "and not once it is read");
    link_free(l);
    close(fd);
    place_fini(&p);
}

Test(link, it_moves_with_what_was_put_back, .timeout = 20)
{
    struct place from, to;
    struct reader r;
    struct link *l;
    int fd;

    place_init(&from);
    place_init(&to);
    l = tcp_link(&from, &r, &fd);
    cr_assert_eq(link_want(l, LOOP_READ), 0);
    put_back(l, "left ");
    cr_assert_eq(write(fd, "more", 4), 4);
    link_detach(l);
    run_ms(&from, 10);
    cr_expect_eq(r.calls, 0);
    cr_assert_eq(link_attach(l, to.loop), 0);
    run_ms(&to, 10);
    cr_expect_eq(r.calls, 0, "nothing is wanted on the new loop yet");
    cr_assert_eq(link_want(l, LOOP_READ), 0);
    run_ms(&to, 20);
    cr_expect_str_eq(r.got, "left more");
    link_detach(l);
    link_free(l);
    cr_expect_eq(read(fd, r.got, 1), 0, "freed while it is on no loop, it is closed");
    close(fd);
    place_fini(&from);
    place_fini(&to);
}

Test(link, too_much_is_not_put_back, .timeout = 20)
{
    static uint8_t bytes[LINK_LEFT_MAX];
    struct reader r;
    struct place p;
    struct link *l;
    int fd;

    place_init(&p);
    l = tcp_link(&p, &r, &fd);
    put_back(l, "x");
    cr_expect_eq(link_put_back(l, bytes, sizeof(bytes)), SPRAT_E_TOOBIG);
    cr_assert_eq(link_want(l, LOOP_READ), 0);
    run_ms(&p, 10);
    cr_expect_str_eq(r.got, "x", "what was there is there");
    cr_expect_eq(link_put_back(l, bytes, sizeof(bytes)), 0);
    link_free(l);
    close(fd);
    place_fini(&p);
}

/* --- connections over memory --- */

struct side {
    struct place *place;
    struct conn *conn;
    bool answers; /* the side that accepted the connection */
    bool gives;   /* calls conn_give() after the handshake */
    struct link *given;
    struct handshake theirs;
    int handshakes, messages, pieces, closed, err;
    uint32_t last_have;
    bool right; /* all payload was as it should be */
    uint64_t sent_payload;
    int file_asks;
    struct conn_piece *reading[BLOCKS];
    int reading_count;
};

static uint8_t
byte_at(uint32_t piece, uint32_t at)
{
    return (uint8_t)(piece * 7 + at);
}

static void
on_handshake(void *ctx, struct conn *c, const struct handshake *h)
{
    struct side *s = ctx;

    s->handshakes++;
    s->theirs = *h;
    if (s->gives) {
        s->given = conn_give(c);
        s->conn = NULL;
        return;
    }
    if (s->answers)
        conn_answer(c, h);
    conn_start(c, PIECES, NULL);
}

static void
on_message(void *ctx, struct conn *c, const struct wire_msg *msg)
{
    struct side *s = ctx;

    (void)c;
    s->messages++;
    if (msg->type == WIRE_HAVE)
        s->last_have = msg->piece;
    if (msg->type != WIRE_PIECE)
        return;
    s->pieces++;
    for (uint32_t i = 0; i < msg->length; i++)
        s->right = s->right && msg->block->data[i] == byte_at(msg->piece, i);
    block_drop(msg->block);
}

static void
on_sent(void *ctx, struct conn *c, uint32_t payload, uint32_t total)
{
    (void)c;
    (void)total;
    ((struct side *)ctx)->sent_payload += payload;
}

/* pass() ends it. */
static int
on_read(void *ctx, struct conn *c, struct conn_piece *p)
{
    struct side *s = ctx;

    (void)c;
    if (s->reading_count == BLOCKS)
        return SPRAT_E_AGAIN;
    s->reading[s->reading_count++] = p;
    for (uint32_t i = 0; i < p->length; i++)
        p->data[i] = byte_at(p->piece, i);
    return 0;
}

static int64_t
on_send_file(void *ctx, struct conn *c, const struct conn_piece *p, uint32_t skip, uint32_t len,
             bool sure, struct link *to)
{
    (void)c;
    (void)p;
    (void)skip;
    (void)sure;
    (void)to;
    ((struct side *)ctx)->file_asks++;
    return len;
}

static void
on_closed(void *ctx, struct conn *c, int err)
{
    struct side *s = ctx;

    (void)c;
    s->closed++;
    s->err = err;
    s->conn = NULL;
}

static struct conn_handler
handler_of(struct side *s)
{
    return (struct conn_handler){.ctx = s,
                                 .on_handshake = on_handshake,
                                 .on_message = on_message,
                                 .on_sent = on_sent,
                                 .read = on_read,
                                 .send_file = on_send_file,
                                 .on_closed = on_closed};
}

static const struct endpoint peer = {.family = IP_V4, .ip = {127, 0, 0, 1}, .port = 1};

static struct handshake
offer_of(uint8_t each)
{
    struct handshake h = {.fast = true};

    memset(h.info_hash, each, sizeof(h.info_hash));
    return h;
}

static void
accept_side(struct side *s, struct place *p, struct link *l)
{
    struct conn_handler h = handler_of(s);

    *s = (struct side){.place = p, .answers = true, .right = true};
    cr_assert_eq(conn_accept(p->hub, l, &peer, TIMEOUT_MS, &h, &s->conn), 0);
}

static void
dial_side(struct side *s, struct place *p, struct link *l)
{
    struct handshake offer = offer_of(0xab);
    struct conn_handler h = handler_of(s);

    *s = (struct side){.place = p, .right = true};
    cr_assert_eq(conn_dial(p->hub, l, &peer, &offer, TIMEOUT_MS, &h, &s->conn), 0);
    l->handler.on_connected(l->handler.ctx, 0);
}

static void
say_have(struct side *s, uint32_t piece)
{
    conn_send(s->conn, &(struct wire_msg){.type = WIRE_HAVE, .piece = piece});
}

/* Some time passes for both; reads end. */
static void
pass(struct side *a, struct side *b, int rounds)
{
    struct side *const sides[] = {a, b};

    for (int i = 0; i < rounds; i++) {
        for (int k = 0; k < 2; k++) {
            run_ms(sides[k]->place, 1);
            while (sides[k]->reading_count > 0)
                conn_piece_done(sides[k]->reading[--sides[k]->reading_count], 0);
        }
    }
}

Test(link, whole_connections_over_another_class, .timeout = 60)
{
    static const size_t reads[] = {1, 67, 68, 69, SIZE_MAX};

    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        struct side dialled, accepted;
        struct mempair pair;
        struct link *ends[2];
        struct place p;

        place_init(&p);
        mempair_make(&pair, p.loop, p.loop, ends);
        pair.read_max = reads[i];
        pair.room = 100; /* the writers are blocked again and again */
        accept_side(&accepted, &p, ends[0]);
        dial_side(&dialled, &p, ends[1]);
        for (int n = 0; n < 500 && dialled.handshakes == 0; n++)
            pass(&accepted, &dialled, 1);
        cr_assert_eq(dialled.handshakes, 1);
        cr_assert_eq(accepted.handshakes, 1);
        cr_expect_eq(accepted.theirs.info_hash[0], 0xab);
        say_have(&dialled, 7);
        conn_send_piece(accepted.conn, 3, 0, 500, 500);
        say_have(&accepted, 8);
        conn_send_piece(accepted.conn, 4, 0, 1000, 1000);
        for (int n = 0; n < 500 && (dialled.messages < 3 || accepted.messages < 1); n++)
            pass(&accepted, &dialled, 1);
        cr_expect_eq(accepted.last_have, 7u);
        cr_expect_eq(dialled.last_have, 8u);
        cr_expect_eq(dialled.pieces, 2);
        cr_expect(dialled.right);
        cr_expect_eq(accepted.sent_payload, 1500u);
        cr_expect_eq(accepted.file_asks, 0, "a class without sendfile is not asked for it");
        conn_close(dialled.conn);
        pass(&accepted, &dialled, 5);
        cr_expect_eq(accepted.closed, 1);
        cr_expect_eq(accepted.err, SPRAT_E_CLOSED);
        cr_expect(pair.freed[0] && pair.freed[1] && !pair.parted[0]);
        place_fini(&p);
    }
}

/* The hello and much behind it come in one read; all of it is there on the other loop. */
Test(link, a_connection_moves_with_what_was_read, .timeout = 20)
{
    enum { HAVES = 90 };
    static uint8_t bytes[HANDSHAKE_LEN + 9 * HAVES];
    struct iovec iov = {bytes, sizeof(bytes)};
    struct handshake hello = offer_of(0xcd);
    struct side first, then;
    struct conn_handler h = handler_of(&then);
    struct place from, to;
    struct mempair pair;
    struct link *ends[2];

    place_init(&from);
    place_init(&to);
    mempair_make(&pair, from.loop, from.loop, ends);
    handshake_encode(&hello, bytes);
    for (int i = 0; i < HAVES; i++)
        memcpy(bytes + HANDSHAKE_LEN + 9 * i, (uint8_t[]){0, 0, 0, 5, 4, 0, 0, 0, (uint8_t)i}, 9);
    accept_side(&first, &from, ends[0]);
    first.gives = true;
    cr_assert_eq(link_writev(ends[1], &iov, 1), (int64_t)sizeof(bytes));
    run_ms(&from, 10);
    cr_assert_not_null(first.given);
    cr_expect_eq(pair.detached, 1);
    cr_expect_eq(link_unsent(ends[1]), 0u, "the link's class has nothing left to read");

    then = (struct side){.place = &to, .answers = true, .right = true};
    cr_assert_eq(conn_adopt(to.hub, first.given, &peer, TIMEOUT_MS, &h, &then.conn), 0);
    cr_expect_eq(pair.attached, 1);
    run_ms(&to, 10);
    cr_expect_eq(then.messages, 0, "nothing is read before it starts");
    conn_answer(then.conn, &first.theirs);
    conn_start(then.conn, PIECES, NULL);
    run_ms(&to, 10);
    cr_expect_eq(then.messages, HAVES);
    cr_expect_eq(then.last_have, (uint32_t)HAVES - 1);
    run_ms(&from, 1);
    cr_expect_eq(link_readv(ends[1], &iov, 1), HANDSHAKE_LEN, "the answer");
    cr_expect_eq(first.closed + then.closed, 0);
    conn_close(then.conn);
    link_free(ends[1]);
    place_fini(&from);
    place_fini(&to);
}

Test(link, parting_is_the_classes_affair, .timeout = 20)
{
    struct side dialled, accepted;
    struct mempair pair;
    struct link *ends[2];
    struct place p;

    place_init(&p);
    mempair_make(&pair, p.loop, p.loop, ends);
    accept_side(&accepted, &p, ends[0]);
    dial_side(&dialled, &p, ends[1]);
    pass(&accepted, &dialled, 5);
    cr_assert_eq(dialled.handshakes, 1);
    conn_part(accepted.conn, NULL);
    cr_expect(pair.freed[0] && !pair.parted[0], "all was received: closing does");
    pass(&dialled, &dialled, 5);
    cr_expect_eq(dialled.err, SPRAT_E_CLOSED);

    mempair_make(&pair, p.loop, p.loop, ends);
    accept_side(&accepted, &p, ends[0]);
    dial_side(&dialled, &p, ends[1]);
    pass(&accepted, &dialled, 5);
    pair.read_max = 0; /* the other side reads no more */
    say_have(&accepted, 1);
    pass(&accepted, &accepted, 2);
    conn_part(accepted.conn, NULL);
    cr_expect(pair.parted[0] && pair.freed[0]);
    conn_close(dialled.conn);

    mempair_make(&pair, p.loop, p.loop, ends);
    accept_side(&accepted, &p, ends[0]);
    dial_side(&dialled, &p, ends[1]);
    pass(&accepted, &dialled, 5);
    say_have(&accepted, 1);
    conn_part(accepted.conn, NULL);
    pass(&dialled, &dialled, 5);
    cr_expect_eq(dialled.messages, 1, "a message that waited leaves before the end");
    cr_expect_eq(dialled.err, SPRAT_E_CLOSED);
    place_fini(&p);
}

/* link_tcp's part() passes a socket with unsent bytes to farewell.h. */
Test(link, tcp_parts_by_farewell, .timeout = 20)
{
    static char bytes[1000];
    struct iovec iov = {bytes, sizeof(bytes)};
    struct farewells *f;
    struct reader r;
    struct place p;
    struct link *l;
    size_t got = 0;
    ssize_t n;
    int fd;

    place_init(&p);
    f = farewells_new(p.loop, on_timer, &p);
    l = tcp_link(&p, &r, &fd);
    put_back(l, "left");
    cr_assert_eq(link_writev(l, &iov, 1), (int64_t)sizeof(bytes));
    link_part(l, f);
    cr_expect_not(farewells_done(f));
    while ((n = read(fd, bytes, 100)) > 0)
        got += (size_t)n;
    cr_expect_eq(n, 0, "our side has ended");
    cr_expect_eq(got, sizeof(bytes));
    close(fd);
    run_ms(&p, 1000);
    cr_expect(farewells_done(f));
    farewells_free(f);
    place_fini(&p);
}
