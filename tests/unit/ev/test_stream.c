/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections through a listener, with the smallest socket buffers.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ev/listener.h"
#include "common/ev/stream.h"
#include "common/sys/addr.h"
#include "common/sys/clock.h"

enum { BULK = 300000 };

struct pair {
    struct loop *loop;
    struct listener *listener;
    struct stream *client, *server;
    struct endpoint seen; /* the client as the listener saw it */
    int connect_err;
    bool connected, small;
    uint8_t *bytes;
    size_t sent, received;
    bool eof;
};

static void
srv_readable(void *ctx)
{
    struct pair *p = ctx;
    uint8_t buf[700];
    struct iovec iov[2] = {{buf, 300}, {buf + 300, 400}};
    int64_t n = stream_readv(p->server, iov, 2);

    if (n == SPRAT_E_AGAIN)
        return;
    if (n < 0) {
        cr_expect_eq(n, SPRAT_E_CLOSED);
        p->eof = true;
        loop_stop(p->loop);
        return;
    }
    cr_assert_leq(p->received + (size_t)n, (size_t)BULK);
    cr_assert_eq(memcmp(buf, p->bytes + p->received, (size_t)n), 0);
    p->received += (size_t)n;
}

static void
no_write(void *ctx)
{
    (void)ctx;
    cr_expect(false, "was not asked for");
}

static void
on_accept(void *ctx, int fd, const struct endpoint *peer)
{
    struct pair *p = ctx;
    struct stream_handler h = {.ctx = p, .on_readable = srv_readable, .on_writable = no_write};
    int small = 1;

    p->seen = *peer;
    if (p->small)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    cr_assert_eq(stream_new(p->loop, fd, &h, &p->server), 0);
    cr_assert_eq(stream_want(p->server, LOOP_READ), 0);
}

static void
cli_connected(void *ctx, int err)
{
    struct pair *p = ctx;

    p->connected = err == 0;
    p->connect_err = err;
    if (err != 0)
        loop_stop(p->loop);
    else
        cr_assert_eq(stream_want(p->client, LOOP_WRITE), 0);
}

static void
cli_writable(void *ctx)
{
    struct pair *p = ctx;
    size_t half = (BULK - p->sent) / 2;
    struct iovec iov[2] = {{p->bytes + p->sent, half},
                           {p->bytes + p->sent + half, BULK - p->sent - half}};
    int64_t n = stream_writev(p->client, iov, 2);

    if (n == SPRAT_E_AGAIN)
        return;
    cr_assert_gt(n, 0);
    p->sent += (size_t)n;
    if (p->sent == BULK) {
        stream_shutdown(p->client);
        stream_want(p->client, 0);
    }
}

static void
cli_readable(void *ctx)
{
    (void)ctx;
}

static const struct stream_handler *
client_handler(struct pair *p, struct stream_handler *h)
{
    *h = (struct stream_handler){.ctx = p,
                                 .on_connected = cli_connected,
                                 .on_readable = cli_readable,
                                 .on_writable = cli_writable};
    return h;
}

static void
start(struct pair *p, const char *at, const char *from)
{
    struct errbuf eb;
    struct endpoint e, f;
    struct listener_handler lh = {.ctx = p, .on_accept = on_accept};
    struct stream_handler ch;

    cr_assert_eq(loop_new(&p->loop, &eb), 0);
    cr_assert_eq(addr_parse(at, &e), 0);
    cr_assert_eq(listener_new(p->loop, &e, &lh, &p->listener, &eb), 0, "%s", eb.text);
    cr_assert_neq(listener_addr(p->listener)->port, 0);
    p->bytes = malloc(BULK);
    for (size_t i = 0; i < BULK; i++)
        p->bytes[i] = (uint8_t)(i * 7 + i / 251);
    if (from != NULL)
        cr_assert_eq(addr_parse(from, &f), 0);
    cr_assert_eq(stream_connect(p->loop, listener_addr(p->listener), from != NULL ? &f : NULL,
                                client_handler(p, &ch), &p->client),
                 0);
}

static void
stop(struct pair *p)
{
    stream_free(p->client);
    stream_free(p->server);
    listener_free(p->listener);
    loop_free(p->loop);
    free(p->bytes);
}

Test(stream, moves_bulk_data_through_small_buffers)
{
    struct pair p = {.small = true};

    start(&p, "127.0.0.1:0", NULL);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect(p.eof);
    cr_expect_eq(p.received, (size_t)BULK);
    stop(&p);
}

/* Sends the whole text and closes. */
static void
says_goodbye(void *ctx, int fd, const struct endpoint *peer)
{
    struct pair *p = ctx;
    struct stream_handler h = {.ctx = p, .on_readable = no_write, .on_writable = no_write};
    struct stream *s;

    (void)peer;
    cr_assert_eq(stream_new(p->loop, fd, &h, &s), 0);
    cr_assert_eq(stream_write_last(s, "goodbye", 7), 7);
    stream_free(s);
}

static void
hears_goodbye(void *ctx)
{
    struct pair *p = ctx;
    uint8_t heard[16];
    struct iovec iov = {heard, sizeof(heard)};
    int64_t n = stream_readv(p->client, &iov, 1);

    if (n > 0) {
        cr_assert_eq(n, 7);
        cr_assert_eq(memcmp(heard, "goodbye", 7), 0);
        p->received += (size_t)n;
        return;
    }
    cr_assert_eq(n, SPRAT_E_CLOSED);
    p->eof = true;
    loop_stop(p->loop);
}

static void
listens(void *ctx, int err)
{
    struct pair *p = ctx;

    cr_assert_eq(err, 0);
    cr_assert_eq(stream_want(p->client, LOOP_READ), 0);
}

Test(stream, the_last_bytes_go_out_with_the_end)
{
    struct pair p = {.loop = NULL};
    struct listener_handler lh = {.ctx = &p, .on_accept = says_goodbye};
    struct stream_handler ch = {
        .ctx = &p, .on_connected = listens, .on_readable = hears_goodbye, .on_writable = no_write};
    struct endpoint e;
    struct errbuf eb;

    cr_assert_eq(loop_new(&p.loop, &eb), 0);
    cr_assert_eq(addr_parse("127.0.0.1:0", &e), 0);
    cr_assert_eq(listener_new(p.loop, &e, &lh, &p.listener, &eb), 0);
    cr_assert_eq(stream_connect(p.loop, listener_addr(p.listener), NULL, &ch, &p.client), 0);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_assert(p.eof && p.received == 7);
    stop(&p);
}

Test(stream, connects_from_the_address_asked_for)
{
    struct pair p = {0};
    struct endpoint e;
    char text[ADDR_TEXT_MAX];

    start(&p, "127.0.0.3:0", "127.0.0.5:0");
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_str_eq(addr_format_ip(&p.seen, text), "127.0.0.5");
    stream_peer(p.client, &e);
    cr_expect(endpoint_equal(&e, listener_addr(p.listener)));
    stream_local(p.client, &e);
    cr_expect(endpoint_equal(&e, &p.seen));
    stop(&p);
}

Test(stream, works_over_ipv6)
{
    struct pair p = {0};

    start(&p, "[::1]:0", NULL);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_eq(p.received, (size_t)BULK);
    cr_expect_eq(p.seen.family, IP_V6);
    stop(&p);
}

Test(stream, a_closed_port_refuses)
{
    struct pair p = {0};
    struct endpoint at;
    struct stream_handler ch;
    int err;

    start(&p, "127.0.0.1:0", NULL);
    stream_free(p.client);
    p.client = NULL;
    at = *listener_addr(p.listener);
    listener_free(p.listener);
    p.listener = NULL;
    err = stream_connect(p.loop, &at, NULL, client_handler(&p, &ch), &p.client);
    if (err == 0) {
        cr_assert_eq(loop_run(p.loop), 0);
        err = p.connect_err;
    }
    cr_expect_eq(err, SPRAT_E_REFUSED);
    stop(&p);
}

Test(stream, sendfile_sends_a_part_of_a_file)
{
    int fds[2];
    char path[] = "/tmp/sprat-stream-XXXXXX", buf[16];
    struct stream_handler h = {0};
    struct stream *s;
    struct loop *l;
    struct errbuf eb;
    int file = mkstemp(path);

    cr_assert_geq(file, 0);
    unlink(path);
    cr_assert_eq(write(file, "0123456789", 10), 10);
    cr_assert_eq(loop_new(&l, &eb), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    cr_assert_eq(stream_new(l, fds[0], &h, &s), 0);
    cr_expect_eq(stream_sendfile(s, file, 3, 4), 4);
    cr_expect_eq(read(fds[1], buf, sizeof(buf)), 4);
    cr_expect_eq(memcmp(buf, "3456", 4), 0);
    cr_expect_eq(stream_sendfile(s, file, 10, 4), SPRAT_E_SHORT);
    close(fds[1]);
    cr_expect_eq(stream_writev(s, &(struct iovec){buf, 4}, 1), SPRAT_E_RESET);
    stream_free(s);
    close(file);
    loop_free(l);
}

Test(stream, a_released_socket_is_open)
{
    struct stream_handler h = {0};
    struct stream *s;
    struct loop *l;
    struct errbuf eb;
    int fds[2], fd;
    char c;

    cr_assert_eq(loop_new(&l, &eb), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    cr_assert_eq(stream_new(l, fds[0], &h, &s), 0);
    cr_assert_eq(stream_want(s, LOOP_READ), 0);
    fd = stream_release(s);
    cr_expect_eq(fd, fds[0]);
    cr_expect_eq(write(fds[1], "x", 1), 1);
    cr_expect_eq(read(fd, &c, 1), 1);
    close(fd);
    close(fds[1]);
    loop_free(l);
}

Test(listener, a_port_in_use_and_a_foreign_address_are_named)
{
    struct pair p = {0};
    struct listener_handler lh = {.ctx = &p, .on_accept = on_accept};
    struct listener *second;
    struct endpoint e;
    struct errbuf eb;

    start(&p, "127.0.0.1:0", NULL);
    cr_expect_eq(listener_new(p.loop, listener_addr(p.listener), &lh, &second, &eb), SPRAT_E_BUSY);
    cr_expect_not_null(strstr(eb.text, "127.0.0.1:"));
    cr_expect_not_null(strstr(eb.text, "in use"));
    cr_assert_eq(addr_parse("203.0.113.1:1", &e), 0);
    cr_expect_eq(listener_new(p.loop, &e, &lh, &second, &eb), SPRAT_E_UNREACHABLE);
    cr_expect_not_null(strstr(eb.text, "203.0.113.1:1"));
    stop(&p);
}
