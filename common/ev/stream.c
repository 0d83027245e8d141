/* SPDX-License-Identifier: BSD-2-Clause
 *
 * TCP sockets on the loop: connects, and converts errno to error codes. Independent of the protocol
 * on the connection.
 */
#include "common/ev/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/magic.h"
#include "common/ev/stream_impl.h"
#include "common/sys/addr.h"

#define STREAM_MAGIC 0x5354524du

static void
finish_connect(struct stream *s)
{
    int errnum = 0;
    socklen_t len = sizeof(errnum);
    int err;

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
        errnum = errno;
    err = sprat_err_from_errno(errnum);
    s->connecting = false;
    if (err == 0)
        err = loop_fd_want(s->watch, s->wanted);
    else
        (void)loop_fd_want(s->watch, 0);
    s->handler.on_connected(s->handler.ctx, err);
}

static void
on_ready(void *ctx, unsigned what)
{
    struct stream *s = ctx;

    MAGIC_CHECK(s, STREAM_MAGIC);
    if (s->connecting)
        finish_connect(s);
    else if (s->tls != NULL)
        stream_tls_on_ready(s, what);
    else if (what == LOOP_READ)
        s->handler.on_readable(s->handler.ctx);
    else
        s->handler.on_writable(s->handler.ctx);
}

int
stream_new(struct loop *l, int fd, const struct stream_handler *handler, struct stream **out)
{
    struct stream *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        close(fd);
        return SPRAT_E_NOMEM;
    }
    MAGIC_SET(s, STREAM_MAGIC);
    s->fd = fd;
    s->loop = l;
    s->handler = *handler;
    s->watch = loop_fd_new(l, fd, on_ready, s);
    if (s->watch == NULL) {
        stream_free(s);
        return SPRAT_E_NOMEM;
    }
    *out = s;
    return 0;
}

/* Binds only the address: the port is chosen at connect(), so that many connections to different
 * hosts can share one port. */
static int
bind_from(int fd, const struct endpoint *from)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(from, &ss);
    int one = 1;

    if (from->port == 0)
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)&ss, len) != 0)
        return sprat_err_from_errno(errno);
    return 0;
}

static int
start_connect(struct stream *s, const struct endpoint *to, const struct endpoint *from)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(to, &ss);
    int err = 0;

    if (from != NULL)
        err = bind_from(s->fd, from);
    if (err != 0)
        return err;
    if (connect(s->fd, (const struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS)
        return sprat_err_from_errno(errno);
    s->connecting = true;
    return loop_fd_want(s->watch, LOOP_WRITE);
}

int
stream_connect(struct loop *l, const struct endpoint *to, const struct endpoint *from,
               const struct stream_handler *handler, struct stream **out)
{
    struct stream *s = NULL;
    int fd, err, one = 1;

    if (to->family == IP_NONE)
        return SPRAT_E_INVAL;
    fd = socket(to->family == IP_V4 ? AF_INET : AF_INET6,
                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sprat_err_from_errno(errno);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    err = stream_new(l, fd, handler, &s);
    if (err != 0)
        return err;
    err = start_connect(s, to, from);
    if (err != 0) {
        stream_free(s);
        return err;
    }
    *out = s;
    return 0;
}

void
stream_drop(int fd)
{
    close(fd);
}

int
stream_release(struct stream *s)
{
    int fd = s->fd;

    MAGIC_CHECK(s, STREAM_MAGIC);
    stream_tls_free(s->tls);
    loop_fd_free(s->watch);
    MAGIC_CLEAR(s);
    free(s);
    return fd;
}

void
stream_free(struct stream *s)
{
    if (s != NULL)
        close(stream_release(s));
}

void
stream_set_handler(struct stream *s, const struct stream_handler *handler)
{
    s->handler = *handler;
}

int
stream_want(struct stream *s, unsigned what)
{
    MAGIC_CHECK(s, STREAM_MAGIC);
    s->wanted = what;
    if (s->connecting)
        return 0;
    return s->tls != NULL ? stream_tls_want(s) : loop_fd_want(s->watch, what);
}

static int64_t
failed(int errnum)
{
    return errnum == EAGAIN || errnum == EINTR ? SPRAT_E_AGAIN : sprat_err_from_errno(errnum);
}

int64_t
stream_raw_readv(struct stream *s, const struct iovec *iov, int count)
{
    ssize_t n = readv(s->fd, iov, count);

    if (n > 0)
        return n;
    return n == 0 ? SPRAT_E_CLOSED : failed(errno);
}

int64_t
stream_raw_writev(struct stream *s, const struct iovec *iov, int count)
{
    struct msghdr m = {.msg_iovlen = (size_t)count};
    ssize_t n;

    if (count == 1) { /* mostly the header of a piece message; send() costs less */
        n = send(s->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
        return n >= 0 ? n : failed(errno);
    }
    /* sendmsg() does not modify the vector; its struct only lacks the const. */
    memcpy(&m.msg_iov, &iov, sizeof(iov));
    n = sendmsg(s->fd, &m, MSG_NOSIGNAL);
    return n >= 0 ? n : failed(errno);
}

int64_t
stream_readv(struct stream *s, const struct iovec *iov, int count)
{
    if (s->tls != NULL)
        return stream_tls_read(s, iov[0].iov_base, iov[0].iov_len);
    return stream_raw_readv(s, iov, count);
}

int64_t
stream_writev(struct stream *s, const struct iovec *iov, int count)
{
    if (s->tls != NULL)
        return stream_tls_write(s, iov[0].iov_base, iov[0].iov_len);
    return stream_raw_writev(s, iov, count);
}

int64_t
stream_write_last(struct stream *s, const void *data, size_t len)
{
    ssize_t n;

    if (s->tls != NULL)
        return stream_tls_write(s, data, len);
    n = send(s->fd, data, len, MSG_NOSIGNAL | MSG_MORE);
    return n >= 0 ? n : failed(errno);
}

int64_t
stream_sendfile(struct stream *s, int file_fd, uint64_t offset, size_t len)
{
    off_t at = (off_t)offset;
    ssize_t n = sendfile(s->fd, file_fd, &at, len);

    if (n > 0)
        return n;
    return n == 0 ? SPRAT_E_SHORT : failed(errno);
}

void
stream_cork(struct stream *s, bool on)
{
    int value = on;

    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

void
stream_set_patience(struct stream *s, uint32_t ms)
{
    unsigned value = ms;

    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof(value));
}

void
stream_shutdown(struct stream *s)
{
    if (s->tls != NULL)
        stream_tls_shutdown(s);
    (void)shutdown(s->fd, SHUT_WR);
}

size_t
stream_unsent(const struct stream *s)
{
    int n = 0;

    return ioctl(s->fd, TIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

void
stream_peer(const struct stream *s, struct endpoint *e)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);

    if (getpeername(s->fd, (struct sockaddr *)&ss, &len) != 0 ||
        addr_from_sockaddr((const struct sockaddr *)&ss, len, e) != 0)
        *e = (struct endpoint){.family = IP_NONE};
}

void
stream_local(const struct stream *s, struct endpoint *e)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);

    if (getsockname(s->fd, (struct sockaddr *)&ss, &len) != 0 ||
        addr_from_sockaddr((const struct sockaddr *)&ss, len, e) != 0)
        *e = (struct endpoint){.family = IP_NONE};
}
