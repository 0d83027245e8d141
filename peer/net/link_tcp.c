/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The class of links over TCP: a stream (common/ev/stream.h) while it is on a loop, and a socket
 * while it moves to another.
 */
#include "peer/net/link_tcp.h"

#include <stdlib.h>

#include "common/base/err.h"
#include "common/base/magic.h"
#include "common/ev/stream.h"
#include "peer/net/farewell.h"

#define LINK_TCP_MAGIC 0x4c544350u

struct link_tcp {
    struct link link; /* first */
    uint32_t magic;
    struct stream *stream; /* NULL while it is detached, or could not be attached */
    int fd;                /* while it is detached, else -1 */
};

static struct link_tcp *
tcp_of(struct link *l)
{
    struct link_tcp *t = (struct link_tcp *)(void *)l;

    MAGIC_CHECK(t, LINK_TCP_MAGIC);
    return t;
}

static const struct link_tcp *
tcp_of_const(const struct link *l)
{
    const struct link_tcp *t = (const struct link_tcp *)(const void *)l;

    MAGIC_CHECK(t, LINK_TCP_MAGIC);
    return t;
}

static int64_t
tcp_readv(struct link *l, const struct iovec *iov, int count)
{
    return stream_readv(tcp_of(l)->stream, iov, count);
}

static int64_t
tcp_writev(struct link *l, const struct iovec *iov, int count)
{
    return stream_writev(tcp_of(l)->stream, iov, count);
}

static int64_t
tcp_sendfile(struct link *l, int fd, uint64_t offset, size_t len)
{
    return stream_sendfile(tcp_of(l)->stream, fd, offset, len);
}

static int
tcp_want(struct link *l, unsigned what)
{
    return stream_want(tcp_of(l)->stream, what);
}

static void
tcp_cork(struct link *l, bool on)
{
    stream_cork(tcp_of(l)->stream, on);
}

static size_t
tcp_unsent(const struct link *l)
{
    return stream_unsent(tcp_of_const(l)->stream);
}

static void
tcp_local(const struct link *l, struct endpoint *e)
{
    stream_local(tcp_of_const(l)->stream, e);
}

static void
tcp_free(struct link *l)
{
    struct link_tcp *t = tcp_of(l);

    stream_free(t->stream);
    if (t->fd >= 0)
        stream_drop(t->fd);
    link_fini(l);
    MAGIC_CLEAR(t);
    free(t);
}

static void
tcp_part(struct link *l, struct farewells *f)
{
    struct link_tcp *t = tcp_of(l);

    farewell(f, t->stream);
    t->stream = NULL;
    tcp_free(l);
}

static void
tcp_detach(struct link *l)
{
    struct link_tcp *t = tcp_of(l);

    t->fd = stream_release(t->stream);
    t->stream = NULL;
}

static void
on_connected(void *ctx, int err)
{
    const struct link_handler *h = &tcp_of(ctx)->link.handler;

    h->on_connected(h->ctx, err);
}

static void
on_readable(void *ctx)
{
    const struct link_handler *h = &tcp_of(ctx)->link.handler;

    h->on_readable(h->ctx);
}

static void
on_writable(void *ctx)
{
    const struct link_handler *h = &tcp_of(ctx)->link.handler;

    h->on_writable(h->ctx);
}

static struct stream_handler
handler_of(struct link_tcp *t)
{
    return (struct stream_handler){.ctx = &t->link,
                                   .on_connected = on_connected,
                                   .on_readable = on_readable,
                                   .on_writable = on_writable};
}

static int
tcp_attach(struct link *l, struct loop *loop)
{
    struct link_tcp *t = tcp_of(l);
    struct stream_handler h = handler_of(t);
    int fd = t->fd;

    t->fd = -1; /* stream_new() owns it, and has closed it after an error */
    return stream_new(loop, fd, &h, &t->stream);
}

static const struct link_class tcp_class = {
    .readv = tcp_readv,
    .writev = tcp_writev,
    .sendfile = tcp_sendfile,
    .want = tcp_want,
    .cork = tcp_cork,
    .unsent = tcp_unsent,
    .local = tcp_local,
    .part = tcp_part,
    .detach = tcp_detach,
    .attach = tcp_attach,
    .free = tcp_free,
};

static struct link_tcp *
tcp_new(struct loop *loop, int fd)
{
    struct link_tcp *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    MAGIC_SET(t, LINK_TCP_MAGIC);
    t->fd = fd;
    link_init(&t->link, &tcp_class, loop);
    return t;
}

/* Sets the stream's timeout and returns the link in |*out|; after an error, frees the link. */
static int
finish(struct link_tcp *t, int err, struct link **out)
{
    if (err != 0) {
        tcp_free(&t->link);
        return err;
    }
    stream_set_patience(t->stream, LINK_PATIENCE_MS);
    *out = &t->link;
    return 0;
}

int
link_tcp_connect(struct loop *loop, const struct endpoint *to, const struct endpoint *from,
                 struct link **out)
{
    struct link_tcp *t = tcp_new(loop, -1);
    struct stream_handler h;

    if (t == NULL)
        return SPRAT_E_NOMEM;
    h = handler_of(t);
    return finish(t, stream_connect(loop, to, from, &h, &t->stream), out);
}

int
link_tcp_new(struct loop *loop, int fd, struct link **out)
{
    struct link_tcp *t = tcp_new(loop, fd);

    if (t == NULL) {
        stream_drop(fd);
        return SPRAT_E_NOMEM;
    }
    return finish(t, tcp_attach(&t->link, loop), out);
}
