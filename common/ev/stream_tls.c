/* SPDX-License-Identifier: BSD-2-Clause
 *
 * TLS between a stream and its socket. The owner and the socket can wait for different directions:
 * to read, TLS may have to write first. And bytes that were decrypted already make no socket
 * readable; a task announces them.
 */
#include "common/ev/stream_impl.h"

#include <stdlib.h>

struct stream_tls {
    struct tls *tls;
    struct loop_task *pending; /* announces decrypted bytes that were not read yet */
    bool handshaking;
    struct stream_handshakes *shared; /* or NULL */
    int failed;                       /* 0, or the error that every call returns from now on */
    unsigned read_needs, write_needs; /* the socket's LOOP_READ or LOOP_WRITE that reads and
                                         writes wait for */
};

static int64_t
io_read(void *ctx, void *dst, size_t len)
{
    return stream_raw_readv(ctx, &(struct iovec){dst, len}, 1);
}

static int64_t
io_write(void *ctx, const void *src, size_t len)
{
    struct iovec iov = {.iov_len = len};

    /* struct iovec only lacks the const. */
    iov.iov_base = (void *)(uintptr_t)src;
    return stream_raw_writev(ctx, &iov, 1);
}

static void
on_pending(void *ctx)
{
    struct stream *s = ctx;

    if ((s->wanted & LOOP_READ) != 0 && tls_pending(s->tls->tls) > 0)
        s->handler.on_readable(s->handler.ctx);
}

/* ---- handshakes ---- */

static void
on_new_round(void *ctx)
{
    struct stream_handshakes *h = ctx;

    h->steps = 0;
}

int
stream_handshakes_init(struct stream_handshakes *h, struct loop *l, unsigned steps_max)
{
    *h = (struct stream_handshakes){
        .steps_max = steps_max,
        .new_round = loop_task_new(l, on_new_round, h),
    };
    return h->new_round != NULL ? 0 : SPRAT_E_NOMEM;
}

void
stream_handshakes_fini(struct stream_handshakes *h)
{
    if (h->new_round != NULL)
        loop_task_free(h->new_round);
    h->new_round = NULL;
}

/* Whether another step may be taken in this round of the loop. If not, the socket stays readable or
 * writable, and is reported again in the next round. */
static bool
may_step(struct stream_handshakes *h)
{
    if (h == NULL)
        return true;
    if (h->steps == h->steps_max) {
        tally_add(&h->deferred, 1);
        return false;
    }
    if (h->steps++ == 0)
        loop_task_ask(h->new_round);
    return true;
}

static void
end_handshake(struct stream_tls *st, bool good)
{
    st->handshaking = false;
    if (st->shared != NULL)
        tally_add(good ? &st->shared->done : &st->shared->failed, 1);
}

/* Takes |tls|, also on an error. */
static int
begin_handshake(struct stream *s, struct tls *tls, struct stream_handshakes *shared)
{
    struct stream_tls *st = calloc(1, sizeof(*st));

    if (st == NULL) {
        tls_free(tls);
        return SPRAT_E_NOMEM;
    }
    st->tls = tls;
    st->read_needs = LOOP_READ;
    st->write_needs = LOOP_WRITE;
    st->pending = loop_task_new(s->loop, on_pending, s);
    if (st->pending == NULL) {
        stream_tls_free(st);
        return SPRAT_E_NOMEM;
    }
    st->handshaking = true;
    st->shared = shared;
    s->tls = st;
    return 0;
}

static struct tls_io
io_of(struct stream *s)
{
    return (struct tls_io){.ctx = s, .read = io_read, .write = io_write};
}

int
stream_secure(struct stream *s, struct tls_server *server, struct stream_handshakes *shared)
{
    struct tls_io io = io_of(s);
    struct tls *tls;
    int err = tls_new(server, &io, &tls);

    return err == 0 ? begin_handshake(s, tls, shared) : err;
}

int
stream_secure_client(struct stream *s, struct tls_client *client, const char *host)
{
    struct tls_io io = io_of(s);
    struct tls *tls;
    int err = tls_new_client(client, host, &io, &tls);

    return err == 0 ? begin_handshake(s, tls, NULL) : err;
}

const char *
stream_tls_failure(const struct stream *s)
{
    return s->tls != NULL && s->tls->failed != 0 ? tls_reason(s->tls->tls) : NULL;
}

void
stream_tls_free(struct stream_tls *st)
{
    if (st == NULL)
        return;
    if (st->handshaking)
        end_handshake(st, false);
    if (st->pending != NULL)
        loop_task_free(st->pending);
    tls_free(st->tls);
    free(st);
}

static unsigned
needed(const struct stream_tls *st)
{
    return tls_wants(st->tls) == TLS_WANT_READ ? LOOP_READ : LOOP_WRITE;
}

/* The watched directions of the socket follow from the directions that the owner wants, and from
 * those that TLS needs for them. */
static int
watch(struct stream *s)
{
    const struct stream_tls *st = s->tls;
    unsigned what = 0;

    if (st->handshaking)
        return loop_fd_want(s->watch, s->wanted != 0 ? needed(st) : 0);
    if ((s->wanted & LOOP_READ) != 0)
        what |= st->read_needs;
    if ((s->wanted & LOOP_WRITE) != 0)
        what |= st->write_needs;
    return loop_fd_want(s->watch, what);
}

int
stream_tls_want(struct stream *s)
{
    struct stream_tls *st = s->tls;

    if ((s->wanted & LOOP_READ) != 0 && tls_pending(st->tls) > 0)
        loop_task_ask(st->pending);
    return watch(s);
}

/* Wakes the owner, whose next read or write returns the failure. */
static void
report_failure(struct stream *s, int err)
{
    s->tls->failed = err;
    if (s->tls->handshaking)
        end_handshake(s->tls, false);
    if ((s->wanted & LOOP_WRITE) != 0)
        s->handler.on_writable(s->handler.ctx);
    else
        s->handler.on_readable(s->handler.ctx);
}

static void
go_on_with_handshake(struct stream *s)
{
    struct stream_tls *st = s->tls;
    int err;

    if (!may_step(st->shared))
        return;
    err = tls_handshake(st->tls);
    if (err == 0)
        end_handshake(st, true);
    if (err == 0 || err == SPRAT_E_AGAIN)
        err = watch(s);
    if (err != 0)
        report_failure(s, err);
}

void
stream_tls_on_ready(struct stream *s, unsigned what)
{
    const struct stream_tls *st = s->tls;

    if (st->handshaking)
        go_on_with_handshake(s);
    else if ((s->wanted & LOOP_READ) != 0 && st->read_needs == what)
        s->handler.on_readable(s->handler.ctx);
    else if ((s->wanted & LOOP_WRITE) != 0 && st->write_needs == what)
        s->handler.on_writable(s->handler.ctx);
}

/* Records the result of a call: |*needs| is the direction that the next such call must wait for. */
static int64_t
done(struct stream *s, int64_t n, unsigned *needs, unsigned usual)
{
    unsigned now = n == SPRAT_E_AGAIN ? needed(s->tls) : usual;

    if (now != *needs) {
        int err;

        *needs = now;
        err = watch(s);
        if (err != 0 && n <= 0)
            n = err;
    }
    if (n < 0 && n != SPRAT_E_AGAIN && n != SPRAT_E_CLOSED)
        s->tls->failed = (int)n;
    return n;
}

int64_t
stream_tls_read(struct stream *s, void *dst, size_t len)
{
    struct stream_tls *st = s->tls;
    int64_t n;

    if (st->failed != 0)
        return st->failed;
    if (st->handshaking)
        return SPRAT_E_AGAIN;
    n = done(s, tls_read(st->tls, dst, len), &st->read_needs, LOOP_READ);
    if (n > 0 && tls_pending(st->tls) > 0)
        loop_task_ask(st->pending);
    return n;
}

int64_t
stream_tls_write(struct stream *s, const void *src, size_t len)
{
    struct stream_tls *st = s->tls;

    if (st->failed != 0)
        return st->failed;
    if (st->handshaking)
        return SPRAT_E_AGAIN;
    return done(s, tls_write(st->tls, src, len), &st->write_needs, LOOP_WRITE);
}

void
stream_tls_shutdown(struct stream *s)
{
    if (!s->tls->handshaking && s->tls->failed == 0)
        tls_shutdown(s->tls->tls);
}
