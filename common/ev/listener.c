/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Accepts connections in batches and passes them on as descriptors.
 */
#include "common/ev/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/magic.h"
#include "common/sys/addr.h"

#define LISTENER_MAGIC 0x4c53544eu

struct listener {
    uint32_t magic;
    int fd;
    struct endpoint addr;
    struct loop *loop;
    struct loop_fd *watch;
    struct loop_timer *rest;
    struct listener_handler handler;
};

/* True for errors of a single connection that was closed while it waited (accept(2)). */
static bool
is_passing(int errnum)
{
    return errnum == ECONNABORTED || errnum == EINTR || errnum == EPROTO || errnum == ENETDOWN ||
           errnum == EHOSTUNREACH || errnum == ENETUNREACH || errnum == EPERM;
}

/* Accepts one connection. False when no more wait. */
static bool
accept_one(struct listener *ln)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);
    struct endpoint peer;
    int fd = accept4(ln->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (is_passing(errno))
            return true;
        if (errno != EAGAIN) {
            (void)loop_fd_want(ln->watch, 0);
            loop_timer_set(ln->rest, mono_add_ms(loop_now(ln->loop), LISTENER_REST_MS));
        }
        return false;
    }
    if (addr_from_sockaddr((const struct sockaddr *)&ss, len, &peer) != 0) {
        close(fd);
        return true;
    }
    ln->handler.on_accept(ln->handler.ctx, fd, &peer);
    return true;
}

static void
on_ready(void *ctx, unsigned what)
{
    struct listener *ln = ctx;

    (void)what;
    MAGIC_CHECK(ln, LISTENER_MAGIC);
    for (int i = 0; i < LISTENER_BATCH_MAX && accept_one(ln); i++)
        ;
}

static void
on_rested(void *ctx)
{
    struct listener *ln = ctx;

    MAGIC_CHECK(ln, LISTENER_MAGIC);
    if (loop_fd_want(ln->watch, LOOP_READ) != 0)
        loop_timer_set(ln->rest, mono_add_ms(loop_now(ln->loop), LISTENER_REST_MS));
}

static int
open_socket(struct listener *ln, const struct endpoint *at, enum port_share share)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(at, &ss);
    int one = 1;

    if (len == 0)
        return SPRAT_E_INVAL;
    ln->fd = port_socket(ss.ss_family, SOCK_STREAM, share);
    if (ln->fd < 0)
        return sprat_err_from_errno(errno);
    (void)setsockopt(ln->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    /* Accepted sockets inherit the option: it saves a system call per connection. */
    (void)setsockopt(ln->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (at->family == IP_V6)
        (void)setsockopt(ln->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (!port_bind(ln->fd, (const struct sockaddr *)&ss, len, share) ||
        listen(ln->fd, LISTENER_BACKLOG) != 0)
        return sprat_err_from_errno(errno);
    len = sizeof(ss);
    if (getsockname(ln->fd, (struct sockaddr *)&ss, &len) != 0)
        return sprat_err_from_errno(errno);
    return addr_from_sockaddr((const struct sockaddr *)&ss, len, &ln->addr);
}

static int
watch(struct listener *ln)
{
    ln->watch = loop_fd_new(ln->loop, ln->fd, on_ready, ln);
    ln->rest = loop_timer_new(ln->loop, on_rested, ln);
    if (ln->watch == NULL || ln->rest == NULL)
        return SPRAT_E_NOMEM;
    return loop_fd_want(ln->watch, LOOP_READ);
}

int
listener_new(struct loop *l, const struct endpoint *at, const struct listener_handler *handler,
             struct listener **out, struct errbuf *eb)
{
    return listener_new_sharing(l, at, PORT_ALONE, handler, out, eb);
}

int
listener_new_sharing(struct loop *l, const struct endpoint *at, enum port_share share,
                     const struct listener_handler *handler, struct listener **out,
                     struct errbuf *eb)
{
    struct listener *ln = calloc(1, sizeof(*ln));
    char text[ADDR_TEXT_MAX];
    int err;

    if (ln == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(ln, LISTENER_MAGIC);
    ln->fd = -1;
    ln->loop = l;
    ln->handler = *handler;
    err = open_socket(ln, at, share);
    if (err == 0)
        err = watch(ln);
    if (err != 0) {
        listener_free(ln);
        return errbuf_set(eb, err, "cannot listen on %s: %s", addr_format(at, text),
                          err == SPRAT_E_BUSY          ? "the port is in use"
                          : err == SPRAT_E_UNREACHABLE ? "this machine does not have that address"
                                                       : sprat_strerror(err));
    }
    *out = ln;
    return 0;
}

void
listener_free(struct listener *ln)
{
    if (ln == NULL)
        return;
    MAGIC_CHECK(ln, LISTENER_MAGIC);
    loop_fd_free(ln->watch);
    loop_timer_free(ln->rest);
    if (ln->fd >= 0)
        close(ln->fd);
    MAGIC_CLEAR(ln);
    free(ln);
}

void
listener_await_bytes(struct listener *ln)
{
    int patience_s = LISTENER_PATIENCE_S;

    (void)setsockopt(ln->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &patience_s, sizeof(patience_s));
}

void
listener_limit_buffers(struct listener *ln, int receive, int send)
{
    (void)setsockopt(ln->fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
    (void)setsockopt(ln->fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
}

const struct endpoint *
listener_addr(const struct listener *ln)
{
    return &ln->addr;
}
