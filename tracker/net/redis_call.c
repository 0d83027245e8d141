/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The socket does not block; poll() waits for the rest of a command's time.
 */
#include "tracker/net/redis_call.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/assert.h"
#include "common/sys/clock.h"
#include "tracker/core/cluster_login.h"
#include "tracker/net/redis.h"
#include "tracker/net/redis_tree.h"

enum { READ_SIZE = 1 << 16 };

_Static_assert((int)REDIS_CALL_ARGS_MAX <= (int)CLUSTER_ARGS_MAX, "words of a command");

struct redis_call {
    const struct cluster_url *url;
    struct tls_client *client; /* NULL without TLS */
    int fd;                    /* -1: not connected */
    struct tls *tls;
    struct redis_tree *tree;
    struct buf out;
    struct cluster_command cmd;
    const char *lease_key, *holder; /* the guard, or NULL */
    uint8_t in[READ_SIZE];
};

struct redis_call *
redis_call_new(const struct cluster_url *url, struct tls_client *client)
{
    struct redis_call *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->url = url;
    c->client = client;
    c->fd = -1;
    buf_init(&c->out, REDIS_CALL_COMMAND_MAX);
    return c;
}

void
redis_call_free(struct redis_call *c)
{
    if (c == NULL)
        return;
    redis_call_disconnect(c);
    buf_fini(&c->out);
    free(c);
}

void
redis_call_disconnect(struct redis_call *c)
{
    tls_free(c->tls);
    c->tls = NULL;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    redis_tree_free(c->tree);
    c->tree = NULL;
}

/* Sets the message for an error of the connection, and closes it. */
static int
fail(struct redis_call *c, int err, struct errbuf *eb)
{
    redis_call_disconnect(c);
    return errbuf_set(eb, err, "redis %s: %s", c->url->host, sprat_strerror(err));
}

/* ---- waiting ---- */

static int
wait_for(int fd, short events, struct mono until)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t ms;
    int n;

    do {
        ms = mono_diff_ms(until, clock_mono());
        n = ms > 0 ? poll(&p, 1, (int)ms) : 0;
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return sprat_err_from_errno(errno);
    return n == 0 ? SPRAT_E_TIMEOUT : 0;
}

/* ---- the socket, with TLS on it or without ---- */

static int64_t
moved(ssize_t n)
{
    if (n > 0)
        return n;
    if (n == 0)
        return SPRAT_E_CLOSED;
    return errno == EAGAIN || errno == EINTR ? SPRAT_E_AGAIN : sprat_err_from_errno(errno);
}

static int64_t
socket_write(void *ctx, const void *src, size_t len)
{
    const struct redis_call *c = ctx;

    return moved(send(c->fd, src, len, MSG_NOSIGNAL));
}

static int64_t
socket_read(void *ctx, void *dst, size_t len)
{
    const struct redis_call *c = ctx;

    return moved(recv(c->fd, dst, len, 0));
}

/* Waits until the socket is ready for |events|, or for what TLS needs. */
static int
wait_until(struct redis_call *c, short events, struct mono until)
{
    if (c->tls != NULL)
        events = tls_wants(c->tls) == TLS_WANT_READ ? POLLIN : POLLOUT;
    return wait_for(c->fd, events, until);
}

static int
send_all(struct redis_call *c, struct mono until)
{
    while (buf_len(&c->out) > 0) {
        int64_t n = c->tls != NULL ? tls_write(c->tls, buf_data(&c->out), buf_len(&c->out))
                                   : socket_write(c, buf_data(&c->out), buf_len(&c->out));
        int err = 0;

        if (n > 0)
            buf_consume(&c->out, (size_t)n);
        else
            err = n == SPRAT_E_AGAIN ? wait_until(c, POLLOUT, until) : (int)n;
        if (err != 0)
            return err;
    }
    return 0;
}

static int
receive(struct redis_call *c, struct mono until)
{
    int64_t n = c->tls != NULL ? tls_read(c->tls, c->in, sizeof(c->in))
                               : socket_read(c, c->in, sizeof(c->in));

    if (n > 0)
        return redis_tree_feed(c->tree, c->in, (size_t)n);
    return n == SPRAT_E_AGAIN ? wait_until(c, POLLIN, until) : (int)n;
}

/* ---- commands ---- */

static void
say_refused(const struct redis_call *c, const struct cluster_reply *r, struct errbuf *eb)
{
    errbuf_set(eb, SPRAT_E_REMOTE, "redis %s refuses: %.*s", c->url->host,
               r->len < 200 ? (int)r->len : 200, (const char *)r->str);
}

/* Sends |c->cmd| and waits for the reply. */
static int
exchange(struct redis_call *c, const struct cluster_reply **reply, struct errbuf *eb)
{
    struct mono until = mono_add_ms(clock_mono(), REDIS_CALL_MS_MAX);
    int err, got = 0;

    buf_reset(&c->out);
    err = redis_put(&c->out, &c->cmd);
    if (err == 0)
        err = send_all(c, until);
    while (err == 0 && (got = redis_tree_next(c->tree, reply)) == 0)
        err = receive(c, until);
    if (err == 0 && got < 0)
        err = got;
    if (err != 0)
        return fail(c, err, eb);
    if ((*reply)->type == CLUSTER_REPLY_ERROR) {
        say_refused(c, *reply, eb);
        return SPRAT_E_REMOTE;
    }
    return 0;
}

int
redis_call(struct redis_call *c, const struct redis_arg *args, size_t n,
           const struct cluster_reply **reply, struct errbuf *eb)
{
    ASSERT(n <= REDIS_CALL_ARGS_MAX);
    if (c->fd < 0)
        return fail(c, SPRAT_E_CLOSED, eb);
    c->cmd.argc = n;
    for (size_t i = 0; i < n; i++) {
        c->cmd.argv[i] = args[i].data;
        c->cmd.lens[i] = args[i].len;
    }
    return exchange(c, reply, eb);
}

void
redis_call_guard(struct redis_call *c, const char *lease_key, const char *holder)
{
    c->lease_key = lease_key;
    c->holder = holder;
}

int
redis_write(struct redis_call *c, const struct redis_arg *args, size_t n,
            const struct cluster_reply **reply, struct errbuf *eb)
{
    static const char script[] =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then "
        "return redis.error_reply('FENCED another tracker has become the keeper') end "
        "return redis.call(ARGV[2], KEYS[2], unpack(ARGV, 3))";
    struct redis_arg words[REDIS_CALL_ARGS_MAX] = {redis_text("EVAL"), redis_text(script),
                                                   redis_text("2")};

    ASSERT(n >= 2 && n <= REDIS_WRITE_ARGS_MAX);
    if (c->lease_key == NULL)
        return redis_call(c, args, n, reply, eb);
    words[3] = redis_text(c->lease_key);
    words[4] = args[1];
    words[5] = redis_text(c->holder);
    words[6] = args[0];
    memcpy(words + 7, args + 2, (n - 2) * sizeof(args[0]));
    return redis_call(c, words, n + 5, reply, eb);
}

/* ---- connecting ---- */

static int
finish_connecting(int fd, struct mono until)
{
    int err = wait_for(fd, POLLOUT, until), why = 0;
    socklen_t len = sizeof(why);

    if (err == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0)
        why = errno;
    return err != 0 ? err : sprat_err_from_errno(why);
}

static int
connect_to(struct redis_call *c, const struct addrinfo *ai, struct mono until)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    int err = 0;

    if (fd < 0)
        return sprat_err_from_errno(errno);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0)
        err = errno == EINPROGRESS ? finish_connecting(fd, until) : sprat_err_from_errno(errno);
    if (err != 0) {
        close(fd);
        return err;
    }
    c->fd = fd;
    return 0;
}

/* Tries the addresses one after the other, in the resolver's order. */
static int
connect_somewhere(struct redis_call *c)
{
    struct mono until = mono_add_ms(clock_mono(), REDIS_CALL_MS_MAX);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char port[8];
    int err;

    snprintf(port, sizeof(port), "%u", c->url->port);
    if (getaddrinfo(c->url->host, port, &hints, &found) != 0)
        return SPRAT_E_RESOLVE;
    err = SPRAT_E_RESOLVE;
    for (const struct addrinfo *ai = found; ai != NULL && err != 0; ai = ai->ai_next)
        err = connect_to(c, ai, until);
    freeaddrinfo(found);
    return err;
}

static int
secure(struct redis_call *c, struct errbuf *eb)
{
    const struct tls_io io = {.ctx = c, .read = socket_read, .write = socket_write};
    struct mono until = mono_add_ms(clock_mono(), REDIS_CALL_MS_MAX);
    int err;

    if (c->client == NULL)
        return 0;
    err = tls_new_client(c->client, c->url->host, &io, &c->tls);
    if (err != 0)
        return fail(c, err, eb);
    while ((err = tls_handshake(c->tls)) == SPRAT_E_AGAIN)
        if ((err = wait_until(c, POLLIN, until)) != 0)
            break;
    if (err == SPRAT_E_PROTOCOL)
        errbuf_set(eb, err, "redis %s: %s", c->url->host, tls_reason(c->tls));
    else if (err != 0)
        return fail(c, err, eb);
    return err;
}

/* Authenticates and selects the database. */
static int
log_in(struct redis_call *c, struct errbuf *eb)
{
    struct cluster_login login = {
        .user = c->url->user, .password = c->url->password, .database = c->url->database};
    const struct cluster_reply *reply;
    int err = 0;

    for (enum cluster_login_step s = 0; s < CLUSTER_LOGIN_STEPS && err == 0; s++) {
        if (!cluster_login_needs(&login, s))
            continue;
        cluster_login_put(&login, s, &c->cmd);
        err = exchange(c, &reply, eb);
    }
    return err;
}

int
redis_call_connect(struct redis_call *c, struct errbuf *eb)
{
    int err;

    if (c->fd >= 0)
        return 0;
    err = connect_somewhere(c);
    if (err == 0) {
        c->tree = redis_tree_new();
        err = c->tree == NULL ? SPRAT_E_NOMEM : 0;
    }
    if (err != 0)
        return fail(c, err, eb);
    err = secure(c, eb);
    if (err == 0)
        err = log_in(c, eb);
    if (err != 0)
        redis_call_disconnect(c);
    return err;
}
