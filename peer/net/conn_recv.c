/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The receiving side of a connection. The link is read until it is empty, until other connections
 * must have their turn, or until blocks or space for answers are missing.
 */
#include "peer/net/conn_recv.h"

#include "common/base/err.h"
#include "peer/net/conn_impl.h"

enum { HELLO_READ = 1024 }; /* bytes at a time; bytes behind the hello go back to the link */

int
conn_say_hello(struct conn *c)
{
    const uint8_t *bytes;
    size_t len = hello_out(&c->hello, &bytes);

    if (len == 0)
        return 0;
    conn_mark_dirty(c);
    return conn_queue_put(&c->out, bytes, len);
}

/* Reads a part of the peer's hello. Returns 1 when the hello is complete, 0 when more is to come,
 * or an error. */
static int
read_some_hello(struct conn *c, struct handshake *theirs)
{
    uint8_t bytes[HELLO_READ];
    struct iovec iov = {bytes, sizeof(bytes)};
    struct hello_end end;
    int64_t got = link_readv(c->link, &iov, 1);
    int n, err;

    if (got < 0)
        return got == SPRAT_E_AGAIN ? 0 : (int)got;
    n = hello_take(&c->hello, bytes, (size_t)got, &end);
    if (n < 0)
        return n;
    err = conn_say_hello(c);
    if (err == 0 && n > 0) {
        *theirs = end.handshake;
        err = link_put_back(c->link, end.left, end.left_len);
    }
    return err != 0 ? err : n;
}

void
conn_read_hello(struct conn *c)
{
    struct handshake h;
    int n = read_some_hello(c, &h);

    if (n < 0)
        conn_fail(c, n);
    if (n <= 0)
        return;
    c->state = CONN_SHAKEN;
    c->handler.on_handshake(c->handler.ctx, c, &h);
    if (c->state != CONN_CLOSED && conn_want(c) != 0)
        conn_fail(c, SPRAT_E_LIMIT);
}

static void
starve(struct conn *c)
{
    if (!list_linked(&c->starved))
        list_push_back(&c->hub->starved, &c->starved);
    if (conn_want(c) != 0)
        conn_fail(c, SPRAT_E_LIMIT);
}

/* Starts the timer when a long message begins (|delivered|: other messages were delivered before
 * it), and stops the timer when the message has arrived. */
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

/* Passes complete messages to the owner, until more than CONN_CTL_PAUSE bytes of answers wait: a
 * request of a few bytes can have a long answer. Returns 0, or an error that ends the connection.
 */
static int
deliver(struct conn *c)
{
    struct wire_msg msg;
    bool delivered = false;
    int n = 0;

    c->stuffed = false;
    while (c->state == CONN_TALKING && !c->stuffed && (n = wire_rx_next(&c->rx, &msg)) > 0) {
        c->handler.on_message(c->handler.ctx, c, &msg);
        delivered = true;
        c->stuffed = c->state == CONN_TALKING && conn_queue_ctl(&c->out) > CONN_CTL_PAUSE;
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

    if (c->state != CONN_TALKING || !c->stuffed || conn_queue_ctl(&c->out) > CONN_CTL_PAUSE)
        return;
    err = deliver(c);
    if (err != 0)
        conn_fail(c, err);
}

/* Reads once. Returns the number of bytes, 0 when the pool has no free block, SPRAT_E_AGAIN, or an
 * error that ends the connection. |*full|: the read filled all memory, so the link may have more.
 */
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
    got = link_readv(c->link, iov, n);
    wire_rx_filled(&c->rx, got > 0 ? (size_t)got : 0);
    *full = got == (int64_t)room;
    return got;
}

void
conn_read_messages(struct conn *c)
{
    size_t budget = CONN_TURN_BYTES;
    bool full = true;

    while (full && budget > 0 && c->state == CONN_TALKING && !c->stuffed &&
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
    if (c->state == CONN_TALKING && c->stuffed && conn_want(c) != 0)
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
