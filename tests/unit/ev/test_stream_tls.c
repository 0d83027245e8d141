/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A secured stream on a loop, echoing to OpenSSL's client on a real socket: small reads out of long
 * records, writes that fill the socket, handshakes that fail and memory that is out.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ds/buf.h"
#include "common/ev/stream.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tests/unit/crypto/made_cert.h"

enum { BULK = 200000, ECHO_MAX = 1 << 20 };

struct rig {
    struct loop *loop;
    struct loop_timer *timer;
    struct stream *stream;
    struct buf echo;
    int64_t end; /* the error that ended it */
    struct stream_handshakes counts;
    int fd;
    SSL_CTX *ctx;
    SSL *client;
};

static void
rig_want(struct rig *r)
{
    cr_assert_eq(stream_want(r->stream, buf_len(&r->echo) > 0 ? LOOP_WRITE : LOOP_READ), 0);
}

static void
on_readable(void *ctx)
{
    struct rig *r = ctx;
    uint8_t some[777];
    struct iovec iov = {some, sizeof(some)};
    int64_t n = stream_readv(r->stream, &iov, 1);

    if (n == SPRAT_E_AGAIN)
        return;
    if (n < 0) {
        r->end = n;
        cr_assert_eq(stream_want(r->stream, 0), 0);
        return;
    }
    buf_put(&r->echo, some, (size_t)n);
    rig_want(r);
}

static void
on_writable(void *ctx)
{
    struct rig *r = ctx;
    struct iovec iov = {buf_data(&r->echo), buf_len(&r->echo)};
    int64_t n = stream_writev(r->stream, &iov, 1);

    if (n == SPRAT_E_AGAIN)
        return;
    cr_assert_gt(n, 0);
    buf_consume(&r->echo, (size_t)n);
    rig_want(r);
}

static void
stop_loop(void *ctx)
{
    loop_stop(ctx);
}

static void
spin(struct rig *r, int64_t ms)
{
    loop_timer_set(r->timer, mono_add_ms(loop_now(r->loop), ms));
    cr_assert_eq(loop_run(r->loop), 0);
}

static void
spin_to_the_end(struct rig *r)
{
    for (int i = 0; i < 5000 && r->end == 0; i++)
        spin(r, 1);
}

static void
rig_start(struct rig *r)
{
    struct stream_handler handler = {
        .ctx = r, .on_readable = on_readable, .on_writable = on_writable};
    struct tls_server *server = made_server("one");
    struct errbuf eb;
    int fds[2], small = 4096;

    *r = (struct rig){.end = 0};
    cr_assert_eq(loop_new(&r->loop, &eb), 0);
    r->timer = loop_timer_new(r->loop, stop_loop, r->loop);
    cr_assert_eq(stream_handshakes_init(&r->counts, r->loop, 1), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    cr_assert_eq(stream_new(r->loop, fds[0], &handler, &r->stream), 0);
    for (int i = 0; i < 2; i++) {
        failing_alloc_after((unsigned)i);
        cr_assert_eq(stream_secure(r->stream, server, &r->counts), SPRAT_E_NOMEM);
        cr_assert(failing_alloc_end());
    }
    cr_assert_eq(stream_secure(r->stream, server, &r->counts), 0);
    tls_server_drop(server);
    buf_init(&r->echo, ECHO_MAX);
    rig_want(r);
    r->fd = fds[1];
    r->ctx = SSL_CTX_new(TLS_client_method());
    r->client = SSL_new(r->ctx);
    SSL_set_fd(r->client, r->fd);
    SSL_set_connect_state(r->client);
    SSL_set_mode(r->client, SSL_MODE_ENABLE_PARTIAL_WRITE);
}

static void
expect_counts(const struct rig *r, uint64_t done, uint64_t failed)
{
    cr_assert_eq(tally_get(&r->counts.done), done);
    cr_assert_eq(tally_get(&r->counts.failed), failed);
}

static void
rig_stop(struct rig *r)
{
    SSL_free(r->client);
    SSL_CTX_free(r->ctx);
    close(r->fd);
    stream_free(r->stream);
    stream_handshakes_fini(&r->counts);
    buf_fini(&r->echo);
    loop_timer_free(r->timer);
    loop_free(r->loop);
}

static void
shake_hands(struct rig *r)
{
    int got = 0;

    for (int i = 0; i < 2000 && got != 1; i++) {
        got = SSL_do_handshake(r->client);
        ERR_clear_error();
        spin(r, 1);
    }
    cr_assert_eq(got, 1);
}

Test(stream_tls, an_echo_of_much)
{
    static uint8_t bytes[BULK], got[BULK];
    size_t sent = 0, received = 0;
    struct rig r;

    for (size_t i = 0; i < BULK; i++)
        bytes[i] = (uint8_t)(i * 13 >> 4);
    rig_start(&r);
    shake_hands(&r);
    for (int i = 0; i < 20000 && received < BULK; i++) {
        int n = sent < BULK ? SSL_write(r.client, bytes + sent, (int)(BULK - sent)) : 0;

        sent += n > 0 ? (size_t)n : 0;
        n = SSL_read(r.client, got + received, (int)(BULK - received));
        received += n > 0 ? (size_t)n : 0;
        ERR_clear_error();
        spin(&r, 1);
    }
    cr_assert_eq(received, (size_t)BULK);
    cr_assert_eq(memcmp(bytes, got, BULK), 0);
    stream_shutdown(r.stream);
    cr_assert_eq(SSL_read(r.client, got, 1), 0);
    cr_assert_eq(SSL_get_error(r.client, 0), SSL_ERROR_ZERO_RETURN);
    SSL_shutdown(r.client);
    spin_to_the_end(&r);
    cr_assert_eq(r.end, SPRAT_E_CLOSED);
    rig_stop(&r);
    expect_counts(&r, 1, 0);
}

Test(stream_tls, a_handshake_that_fails_is_told_by_the_next_call)
{
    struct rig r;
    struct iovec iov = {(char[]){"x"}, 1};

    rig_start(&r);
    cr_assert_eq(stream_writev(r.stream, &iov, 1), SPRAT_E_AGAIN);
    cr_assert_eq(write(r.fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    spin_to_the_end(&r);
    cr_assert_eq(r.end, SPRAT_E_PROTOCOL);
    cr_assert_eq(stream_writev(r.stream, &iov, 1), SPRAT_E_PROTOCOL, "and by every other");
    expect_counts(&r, 0, 1);
    rig_stop(&r);
    expect_counts(&r, 0, 1);
}

Test(stream_tls, a_client_that_goes_away_in_the_middle)
{
    struct rig r;

    rig_start(&r);
    (void)SSL_do_handshake(r.client);
    shutdown(r.fd, SHUT_WR);
    spin_to_the_end(&r);
    cr_assert_eq(r.end, SPRAT_E_CLOSED);
    expect_counts(&r, 0, 1);
    rig_stop(&r);
}

Test(stream_tls, one_that_is_given_up_has_failed)
{
    struct rig r;

    rig_start(&r);
    cr_assert_eq(write(r.fd, "\x16", 1), 1);
    spin(&r, 1);
    expect_counts(&r, 0, 0);
    rig_stop(&r);
    expect_counts(&r, 0, 1);
}

enum { CROWD = 8 };

/* Each stream has a client of its own, without a thread: the client writes when it is called. */
struct crowd {
    struct loop *loop;
    struct loop_timer *timer;
    struct stream_handshakes shared;
    struct stream *streams[CROWD];
    SSL_CTX *ctx;
    SSL *clients[CROWD];
    int fds[CROWD];
};

static void
ignore(void *ctx)
{
    (void)ctx;
}

static void
crowd_start(struct crowd *c)
{
    struct stream_handler handler = {.on_readable = ignore, .on_writable = ignore};
    struct tls_server *server = made_server("one");
    struct errbuf eb;

    cr_assert_eq(loop_new(&c->loop, &eb), 0);
    c->timer = loop_timer_new(c->loop, stop_loop, c->loop);
    cr_assert_eq(stream_handshakes_init(&c->shared, c->loop, 1), 0);
    c->ctx = SSL_CTX_new(TLS_client_method());
    for (int i = 0; i < CROWD; i++) {
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        cr_assert_eq(stream_new(c->loop, fds[0], &handler, &c->streams[i]), 0);
        cr_assert_eq(stream_secure(c->streams[i], server, &c->shared), 0);
        cr_assert_eq(stream_want(c->streams[i], LOOP_READ), 0);
        c->fds[i] = fds[1];
        c->clients[i] = SSL_new(c->ctx);
        SSL_set_fd(c->clients[i], fds[1]);
        SSL_set_connect_state(c->clients[i]);
        (void)SSL_do_handshake(c->clients[i]);
    }
    tls_server_drop(server);
}

static void
crowd_stop(struct crowd *c)
{
    for (int i = 0; i < CROWD; i++) {
        SSL_free(c->clients[i]);
        close(c->fds[i]);
        stream_free(c->streams[i]);
    }
    SSL_CTX_free(c->ctx);
    stream_handshakes_fini(&c->shared);
    loop_timer_free(c->timer);
    loop_free(c->loop);
}

Test(stream_tls, handshakes_that_come_at_once_take_turns)
{
    struct crowd c = {.loop = NULL};

    crowd_start(&c);
    for (int i = 0; i < 2000 && tally_get(&c.shared.done) < CROWD; i++) {
        loop_timer_set(c.timer, loop_now(c.loop));
        cr_assert_eq(loop_run(c.loop), 0);
        for (int k = 0; k < CROWD; k++)
            (void)SSL_do_handshake(c.clients[k]);
    }
    cr_assert_eq(tally_get(&c.shared.done), (uint64_t)CROWD);
    cr_assert_eq(tally_get(&c.shared.failed), 0u);
    /* When eight hellos are there, all but one wait, then all but two, and so on. */
    cr_assert_geq(tally_get(&c.shared.deferred), (uint64_t)CROWD * (CROWD - 1) / 2);
    crowd_stop(&c);
}
