/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loads the pieces at the front of a queue, and reports those that can't be read.
 */
#include "peer/net/conn_ahead.h"

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/net/conn_impl.h"

/* Removes a piece that can't be read; the owner rejects the peer's request. If the peer has
 * received the beginning of the piece, the protocol has no message for that, and the connection
 * ends. */
static void
read_failed(struct conn *c, struct out_piece *p, int err)
{
    bool begun = p->sent > 0;

    conn_queue_remove(&c->out, p);
    c->handler.on_read_failed(c->handler.ctx, c, &p->io, err);
    out_piece_free(p);
    if (begun)
        conn_fail(c, err);
}

/* Begins to read a piece. Returns 0, SPRAT_E_AGAIN when it must be tried later, or an error. */
static int
read_piece(struct conn *c, struct out_piece *p)
{
    struct out_pool *pool = &c->hub->pool;
    int err;

    p->io.data = conn_bufs_take(&pool->bufs, p->io.length);
    if (p->io.data == NULL)
        return SPRAT_E_AGAIN;
    err = c->handler.read(c->handler.ctx, c, &p->io);
    if (err != 0) {
        conn_bufs_put(&pool->bufs, p->io.data, p->io.length);
        p->io.data = NULL;
        return err;
    }
    p->state = OUT_READING;
    pool->reads++;
    return 0;
}

static bool
is_within(const struct conn_hand *h, const struct conn_piece *p, struct mono now)
{
    return h->len > 0 && p->piece == h->piece && p->begin >= h->begin &&
           p->begin - h->begin < h->len && p->length <= h->len - (p->begin - h->begin) &&
           mono_before(now, mono_add_ms(h->asked, CONN_SURE_MS / 2));
}

/* Whether |p| is in the page cache. Peers mostly request consecutive blocks, so one query covers
 * the blocks behind |p| too, and its answer is kept in |c->hand|. */
static bool
is_at_hand(struct conn *c, struct out_piece *p)
{
    struct mono now = loop_now(c->hub->loop);
    struct conn_hand *h = &c->hand;
    int64_t n;

    if (!is_within(h, &p->io, now)) {
        if (c->handler.send_file == NULL || !link_sends_files(c->link))
            return false;
        n = c->handler.send_file(c->handler.ctx, c, &p->io, 0, p->io.length, false, NULL);
        h->len = 0;
        if (n < (int64_t)p->io.length)
            return false;
        *h = (struct conn_hand){p->io.piece, p->io.begin, (uint32_t)n, now};
    }
    p->asked = h->asked;
    p->state = OUT_AT_HAND;
    return true;
}

/* Loads the first piece in OUT_WAITING. False: it must be tried again later. */
static bool
load_one(struct conn *c)
{
    struct out_piece *p = c->out.waiting;
    int err = is_at_hand(c, p) ? 0 : read_piece(c, p);

    if (err == SPRAT_E_AGAIN)
        return false;
    if (err != 0)
        read_failed(c, p, err);
    else
        conn_queue_waits_no_more(&c->out);
    return true;
}

/* Reads the first piece into a buffer if it is in OUT_LAPSED. False as load_one(). */
static bool
load_lapsed(struct conn *c)
{
    struct out_piece *p = conn_queue_first(&c->out);
    int err = p != NULL && p->state == OUT_LAPSED ? read_piece(c, p) : 0;

    if (err != 0 && err != SPRAT_E_AGAIN)
        read_failed(c, p, err);
    return err != SPRAT_E_AGAIN;
}

void
conn_ahead_load(struct conn *c)
{
    if (c->state != CONN_TALKING || list_linked(&c->hungry))
        return;
    if (!load_lapsed(c)) {
        list_push_back(&c->hub->hungry, &c->hungry);
        return;
    }
    while (c->state == CONN_TALKING && c->out.waiting != NULL &&
           c->out.loaded < CONN_PIECES_AHEAD) {
        if (!load_one(c)) {
            list_push_back(&c->hub->hungry, &c->hungry);
            return;
        }
    }
}

bool
conn_ahead_is_sure(const struct conn *c, const struct out_piece *p)
{
    return mono_before(loop_now(c->hub->loop), mono_add_ms(p->asked, CONN_SURE_MS));
}

void
conn_ahead_lapse(struct conn *c, struct out_piece *p)
{
    p->state = OUT_LAPSED;
    c->hand.len = 0;
}

void
conn_piece_done(struct conn_piece *io, int err)
{
    struct out_piece *p = (struct out_piece *)(void *)io;
    struct conn *c = p->conn;

    ASSERT(p->state == OUT_READING);
    p->pool->reads--;
    p->state = OUT_READY;
    if (c == NULL) {
        out_piece_free(p);
        return;
    }
    conn_enter(c);
    if (err != 0)
        read_failed(c, p, err);
    if (c->state != CONN_CLOSED)
        conn_mark_dirty(c);
    conn_leave(c);
}
