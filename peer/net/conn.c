/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A connection's life, its handshake, and what it receives.
 */
#include "peer/net/conn.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "peer/net/conn_impl.h"
#include "peer/net/farewell.h"

#define CONN_MAGIC 0x434f4e4eu

static void
conn_set_state(struct conn *c, enum conn_state state)
{
    c->state = state;
}

/* Tells the stream which directions matter now. */
int
conn_want(struct conn *c)
{
    unsigned want = 0;

    if (c->state == CONN_SHAKING ||
        (c->state == CONN_TALKING && !list_linked(&c->starved) && !c->out.stuffed))
        want |= LOOP_READ;
    if (c->out.blocked)
        want |= LOOP_WRITE;
    return stream_want(c->stream, want);
}

void
conn_enter(struct conn *c)
{
    MAGIC_CHECK(c, CONN_MAGIC);
    c->busy++;
}

void
conn_leave(struct conn *c)
{
    if (--c->busy > 0 || c->state != CONN_CLOSED)
        return;
    c->hub->conns--;
    MAGIC_CLEAR(c);
    free(c);
}

void
conn_close(struct conn *c)
{
    if (c == NULL || c->state == CONN_CLOSED)
        return;
    conn_enter(c);
    conn_set_state(c, CONN_CLOSED);
    list_remove(&c->dirty);
    list_remove(&c->starved);
    list_remove(&c->hungry);
    loop_timer_free(c->timer);
    stream_free(c->stream);
    wire_rx_fini(&c->rx);
    conn_out_fini(c);
    conn_leave(c);
}

void
conn_part(struct conn *c, struct farewells *f)
{
    if (c->state == CONN_TALKING && stream_unsent(c->stream) > 0) {
        farewell(f, c->stream);
        c->stream = NULL;
    }
    conn_close(c);
}

void
conn_fail(struct conn *c, int err)
{
    if (c->state == CONN_CLOSED)
        return;
    conn_enter(c);
    c->handler.on_closed(c->handler.ctx, c, err);
    conn_close(c);
    conn_leave(c);
}

/* Reads their 68 bytes and not one more, and judges them as they come. */
static void
read_hello(struct conn *c)
{
    struct iovec iov = {c->hello + c->hello_len, HANDSHAKE_LEN - c->hello_len};
    struct handshake h;
    int64_t n = stream_readv(c->stream, &iov, 1);
    int err;

    if (n == SPRAT_E_AGAIN)
        return;
    if (n < 0) {
        conn_fail(c, (int)n);
        return;
    }
    c->hello_len += (uint32_t)n;
    err = handshake_decode(c->hello, c->hello_len, &h);
    if (err != 0) {
        conn_fail(c, err);
    } else if (c->hello_len == HANDSHAKE_LEN) {
        conn_set_state(c, CONN_SHAKEN);
        c->handler.on_handshake(c->handler.ctx, c, &h);
        if (c->state != CONN_CLOSED && conn_want(c) != 0)
            conn_fail(c, SPRAT_E_LIMIT);
    }
}

static void
starve(struct conn *c)
{
    if (!list_linked(&c->starved))
        list_push_back(&c->hub->starved, &c->starved);
    if (conn_want(c) != 0)
        conn_fail(c, SPRAT_E_LIMIT);
}

/* A long message has begun, or ended; |delivered|: messages were delivered before it. */
static void
watch_message(struct conn *c, bool delivered)
{
    bool is_long = wire_rx_is_long(&c->rx);

    if (is_long && (delivered || !c->long_message))
        loop_timer_set(c->timer, mono_add_ms(loop_now(c->hub->loop), CONN_MESSAGE_MS));
    else if (!is_long && c->long_message)
        loop_timer_set(c->timer, MONO_NEVER);
    c->long_message = is_long;
}

/* Hands on the messages that are whole, unless answers pile up: a few bytes can ask for many. 0, or
 * why the connection must end. */
static int
deliver(struct conn *c)
{
    struct wire_msg msg;
    bool delivered = false;
    int n = 0;

    c->out.stuffed = false;
    while (c->state == CONN_TALKING && !c->out.stuffed && (n = wire_rx_next(&c->rx, &msg)) > 0) {
        c->handler.on_message(c->handler.ctx, c, &msg);
        delivered = true;
        c->out.stuffed = c->state == CONN_TALKING && buf_len(&c->out.ctl) > CONN_CTL_PAUSE;
    }
    if (n == 0 && c->state == CONN_TALKING)
        watch_message(c, delivered);
    if (n == 0 && c->state == CONN_TALKING && wire_rx_starves(&c->rx))
        starve(c);
    return n < 0 ? n : 0;
}

void
conn_go_on(struct conn *c)
{
    int err;

    if (c->state != CONN_TALKING || !c->out.stuffed || buf_len(&c->out.ctl) > CONN_CTL_PAUSE)
        return;
    err = deliver(c);
    if (err != 0)
        conn_fail(c, err);
}

/* One read. Bytes, 0 when no block is to be had, SPRAT_E_AGAIN, or why the connection must end.
 * |*full| says whether all the room was used, so that there may be more. */
static int64_t
read_some(struct conn *c, bool *full)
{
    struct wire_span spans[WIRE_SPANS_MAX];
    struct iovec iov[WIRE_SPANS_MAX];
    size_t room = 0;
    int n = wire_rx_spans(&c->rx, spans);
    int64_t got;

    if (n <= 0)
        return n;
    for (int i = 0; i < n; i++) {
        iov[i] = (struct iovec){spans[i].base, spans[i].len};
        room += spans[i].len;
    }
    got = stream_readv(c->stream, iov, n);
    wire_rx_filled(&c->rx, got > 0 ? (size_t)got : 0);
    *full = got == (int64_t)room;
    return got;
}

static void
read_messages(struct conn *c)
{
    size_t budget = CONN_TURN_BYTES;
    bool full = true;

    while (full && budget > 0 && c->state == CONN_TALKING && !c->out.stuffed &&
           !list_linked(&c->starved)) {
        int64_t n = read_some(c, &full);
        int err;

        if (n == SPRAT_E_AGAIN)
            return;
        if (n == 0) {
            starve(c);
            return;
        }
        err = n > 0 ? deliver(c) : (int)n;
        if (err != 0) {
            conn_fail(c, err);
            return;
        }
        budget -= (size_t)n < budget ? (size_t)n : budget;
    }
    if (c->state == CONN_TALKING && c->out.stuffed && conn_want(c) != 0)
        conn_fail(c, SPRAT_E_LIMIT);
}

void
conn_feed(struct conn *c)
{
    int err;

    conn_enter(c);
    err = deliver(c);
    if (err == 0 && c->state != CONN_CLOSED && conn_want(c) != 0)
        err = SPRAT_E_LIMIT;
    if (err != 0)
        conn_fail(c, err);
    conn_leave(c);
}

static void
on_readable(void *ctx)
{
    struct conn *c = ctx;

    conn_enter(c);
    if (c->state == CONN_SHAKING)
        read_hello(c);
    else if (c->state == CONN_TALKING)
        read_messages(c);
    conn_leave(c);
}

static void
on_writable(void *ctx)
{
    struct conn *c = ctx;

    conn_enter(c);
    c->out.blocked = false;
    conn_flush(c);
    conn_leave(c);
}

static void
on_connected(void *ctx, int err)
{
    struct conn *c = ctx;

    conn_enter(c);
    c->connected = true;
    c->reached = err == 0;
    if (err == 0)
        err = conn_want(c);
    if (err != 0)
        conn_fail(c, err);
    else
        conn_mark_dirty(c);
    conn_leave(c);
}

static void
on_late(void *ctx)
{
    conn_fail(ctx, SPRAT_E_TIMEOUT);
}

static struct conn *
conn_new(struct conn_hub *hub, const struct endpoint *peer, const struct conn_handler *handler)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    MAGIC_SET(c, CONN_MAGIC);
    c->timer = loop_timer_new(hub->loop, on_late, c);
    if (c->timer == NULL) {
        free(c);
        return NULL;
    }
    c->state = CONN_SHAKING;
    c->hub = hub;
    c->handler = *handler;
    c->peer = *peer;
    list_init(&c->dirty);
    list_init(&c->starved);
    list_init(&c->hungry);
    wire_rx_init(&c->rx, hub->blocks, 0);
    conn_out_init(c);
    hub->conns++;
    return c;
}

static const struct stream_handler *
stream_callbacks(struct conn *c, struct stream_handler *h)
{
    *h = (struct stream_handler){.ctx = c,
                                 .on_connected = on_connected,
                                 .on_readable = on_readable,
                                 .on_writable = on_writable};
    return h;
}

int
conn_connect(struct conn_hub *hub, const struct endpoint *to, const struct endpoint *from,
             const struct handshake *offer, uint32_t timeout_ms, const struct conn_handler *handler,
             struct conn **out)
{
    struct conn *c = conn_new(hub, to, handler);
    struct stream_handler h;
    int err;

    if (c == NULL)
        return SPRAT_E_NOMEM;
    err = stream_connect(hub->loop, to, from, stream_callbacks(c, &h), &c->stream);
    if (err != 0) {
        conn_close(c);
        return err;
    }
    stream_set_patience(c->stream, CONN_PATIENCE_MS);
    loop_timer_set(c->timer, mono_add_ms(loop_now(hub->loop), timeout_ms));
    conn_answer(c, offer);
    *out = c;
    return 0;
}

/* A connection around a socket that stands, in |state|; the socket is closed on error too. */
static int
take_socket(struct conn_hub *hub, int fd, const struct endpoint *peer, enum conn_state state,
            uint32_t timeout_ms, const struct conn_handler *handler, struct conn **out)
{
    struct stream *stream;
    struct stream_handler h;
    struct conn *c;
    int err = stream_new(hub->loop, fd, &(struct stream_handler){.ctx = NULL}, &stream);

    if (err != 0)
        return err;
    c = conn_new(hub, peer, handler);
    if (c == NULL) {
        stream_free(stream);
        return SPRAT_E_NOMEM;
    }
    conn_set_state(c, state);
    c->stream = stream;
    c->connected = c->reached = true;
    stream_set_patience(stream, CONN_PATIENCE_MS);
    stream_set_handler(stream, stream_callbacks(c, &h));
    err = conn_want(c);
    if (err != 0) {
        conn_close(c);
        return err;
    }
    loop_timer_set(c->timer, mono_add_ms(loop_now(hub->loop), timeout_ms));
    *out = c;
    return 0;
}

int
conn_accept(struct conn_hub *hub, int fd, const struct endpoint *peer, uint32_t timeout_ms,
            const struct conn_handler *handler, struct conn **out)
{
    return take_socket(hub, fd, peer, CONN_SHAKING, timeout_ms, handler, out);
}

int
conn_adopt(struct conn_hub *hub, int fd, const struct endpoint *peer, uint32_t timeout_ms,
           const struct conn_handler *handler, struct conn **out)
{
    return take_socket(hub, fd, peer, CONN_SHAKEN, timeout_ms, handler, out);
}

int
conn_give(struct conn *c)
{
    int fd;

    ASSERT(c->state == CONN_SHAKEN);
    fd = stream_release(c->stream);
    c->stream = NULL;
    conn_close(c);
    return fd;
}

void
conn_set_handler(struct conn *c, const struct conn_handler *handler)
{
    c->handler = *handler;
}

void
conn_set_tag(struct conn *c, uint64_t tag)
{
    c->tag = tag;
}

uint64_t
conn_tag(const struct conn *c)
{
    return c->tag;
}

const struct endpoint *
conn_peer(const struct conn *c)
{
    return &c->peer;
}

bool
conn_reached(const struct conn *c)
{
    return c->reached;
}

void
conn_local(const struct conn *c, struct endpoint *e)
{
    stream_local(c->stream, e);
}

void
conn_start(struct conn *c, uint32_t piece_count)
{
    ASSERT(c->state == CONN_SHAKEN);
    conn_set_state(c, CONN_TALKING);
    loop_timer_set(c->timer, MONO_NEVER);
    wire_rx_fini(&c->rx);
    wire_rx_init(&c->rx, c->hub->blocks, piece_count);
    if (conn_want(c) != 0) {
        c->doomed = SPRAT_E_LIMIT;
        conn_mark_dirty(c);
    }
}
