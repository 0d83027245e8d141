/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The beginning of a connection, its link's callbacks, and its owner's calls.
 */
#include "peer/net/conn.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/base/magic.h"
#include "peer/net/conn_impl.h"
#include "peer/net/conn_recv.h"
#include "peer/net/conn_write.h"

static void
on_readable(void *ctx)
{
    struct conn *c = ctx;

    conn_enter(c);
    if (c->state == CONN_SHAKING)
        conn_read_hello(c);
    else if (c->state == CONN_TALKING)
        conn_read_messages(c);
    conn_leave(c);
}

static void
on_writable(void *ctx)
{
    struct conn *c = ctx;

    conn_enter(c);
    c->writer.blocked = false;
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

/* Makes a connection over |link|, in |state|. The link is freed on error too. */
static int
conn_new(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
         enum conn_state state, uint32_t timeout_ms, const struct conn_handler *handler,
         struct conn **out)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c != NULL)
        c->timer = loop_timer_new(hub->loop, on_late, c);
    if (c == NULL || c->timer == NULL) {
        free(c);
        link_free(link);
        return SPRAT_E_NOMEM;
    }
    MAGIC_SET(c, CONN_MAGIC);
    c->state = state;
    c->hub = hub;
    c->handler = *handler;
    c->peer = *peer;
    c->link = link;
    list_init(&c->dirty);
    list_init(&c->starved);
    list_init(&c->hungry);
    wire_rx_init(&c->rx, hub->blocks, 0);
    conn_queue_init(&c->out);
    hub->conns++;
    link_set_handler(link, &(struct link_handler){.ctx = c,
                                                  .on_connected = on_connected,
                                                  .on_readable = on_readable,
                                                  .on_writable = on_writable});
    loop_timer_set(c->timer, mono_add_ms(loop_now(hub->loop), timeout_ms));
    *out = c;
    return 0;
}

int
conn_dial(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
          const struct handshake *offer, uint32_t timeout_ms, const struct conn_handler *handler,
          struct conn **out)
{
    struct conn *c;
    int err = conn_new(hub, link, peer, CONN_SHAKING, timeout_ms, handler, &c);

    if (err != 0)
        return err;
    hello_init_dial(&c->hello, offer);
    err = conn_say_hello(c);
    if (err != 0) {
        conn_close(c);
        return err;
    }
    *out = c;
    return 0;
}

/* As conn_new(), over a link that is connected already. */
static int
new_connected(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
              enum conn_state state, uint32_t timeout_ms, const struct conn_handler *handler,
              struct conn **out)
{
    struct conn *c;
    int err = conn_new(hub, link, peer, state, timeout_ms, handler, &c);

    if (err != 0)
        return err;
    hello_init_accept(&c->hello);
    c->connected = c->reached = true;
    err = conn_want(c);
    if (err != 0) {
        conn_close(c);
        return err;
    }
    *out = c;
    return 0;
}

int
conn_accept(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
            uint32_t timeout_ms, const struct conn_handler *handler, struct conn **out)
{
    return new_connected(hub, link, peer, CONN_SHAKING, timeout_ms, handler, out);
}

int
conn_adopt(struct conn_hub *hub, struct link *link, const struct endpoint *peer,
           uint32_t timeout_ms, const struct conn_handler *handler, struct conn **out)
{
    int err = link_attach(link, hub->loop);

    if (err != 0) {
        link_free(link);
        return err;
    }
    return new_connected(hub, link, peer, CONN_SHAKEN, timeout_ms, handler, out);
}

struct link *
conn_give(struct conn *c)
{
    struct link *link = c->link;

    ASSERT(c->state == CONN_SHAKEN);
    link_detach(link);
    c->link = NULL;
    conn_close(c);
    return link;
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
    link_local(c->link, e);
}

void
conn_start(struct conn *c, uint32_t piece_count, struct block_pool *blocks)
{
    ASSERT(c->state == CONN_SHAKEN);
    c->state = CONN_TALKING;
    loop_timer_set(c->timer, MONO_NEVER);
    wire_rx_fini(&c->rx);
    wire_rx_init(&c->rx, blocks != NULL ? blocks : c->hub->blocks, piece_count);
    if (conn_want(c) != 0)
        conn_doom(c, SPRAT_E_LIMIT);
}

void
conn_answer(struct conn *c, const struct handshake *h)
{
    uint8_t bytes[HANDSHAKE_LEN];

    handshake_encode(h, bytes);
    if (conn_queue_put(&c->out, bytes, sizeof(bytes)) != 0)
        conn_doom(c, SPRAT_E_LIMIT);
    else
        conn_mark_dirty(c);
}

void
conn_send(struct conn *c, const struct wire_msg *msg)
{
    if (c->state == CONN_CLOSED)
        return;
    if (conn_queue_put_message(&c->out, msg) != 0)
        conn_doom(c, SPRAT_E_LIMIT);
    else
        conn_mark_dirty(c);
}

void
conn_send_piece(struct conn *c, uint32_t piece, uint32_t begin, uint32_t length, uint32_t allowed)
{
    struct conn_piece io = {.piece = piece, .begin = begin, .length = length};

    ASSERT(length > 0 && length <= WIRE_REQUEST_MAX && allowed <= length);
    if (c->state == CONN_CLOSED)
        return;
    if (conn_queue_put_piece(&c->out, &c->hub->pool, c, &io, allowed) != 0)
        conn_doom(c, SPRAT_E_LIMIT);
    else
        conn_mark_dirty(c);
}

void
conn_allow(struct conn *c, uint32_t piece, uint32_t begin, uint32_t more)
{
    if (c->state != CONN_CLOSED && conn_queue_allow(&c->out, piece, begin, more))
        conn_mark_dirty(c);
}

void
conn_part(struct conn *c, struct farewells *f)
{
    if (c->state == CONN_TALKING)
        conn_write_last(c);
    if (c->state == CONN_TALKING && link_unsent(c->link) > 0) {
        link_part(c->link, f);
        c->link = NULL;
    }
    conn_close(c);
}
