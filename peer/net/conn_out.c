/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a connection sends, and the hub: messages and pieces leave in one order, gathered into as
 * few writes as the socket takes; pieces are read ahead of their turn, within the limits of the
 * hub. A piece that leaves by another way than memory would be one more kind of span in gather().
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "peer/net/conn_impl.h"

enum { IOV_MAX_PER_WRITE = 64 };

/* --- buffers of the hub --- */

/* Buffers are counted in blocks: a peer may ask for several blocks in one request. */
static uint32_t
buffer_blocks(uint32_t length)
{
    return (length + BLOCK_LEN - 1) / BLOCK_LEN;
}

static uint8_t *
buffer_take(struct conn_hub *hub, uint32_t length)
{
    struct out_buffer *b = length <= BLOCK_LEN ? hub->free : NULL;

    if (hub->buffers + buffer_blocks(length) > CONN_HUB_BUFFERS_MAX)
        return NULL;
    if (b != NULL) {
        hub->free = b->next;
        hub->spare--;
    } else {
        b = malloc(length > BLOCK_LEN ? length : BLOCK_LEN);
        if (b == NULL)
            return NULL;
    }
    hub->buffers += buffer_blocks(length);
    return (uint8_t *)b;
}

static void
buffer_put(struct conn_hub *hub, uint8_t *data, uint32_t length)
{
    struct out_buffer *b = (struct out_buffer *)(void *)data;

    if (b == NULL)
        return;
    hub->buffers -= buffer_blocks(length);
    if (!list_empty(&hub->hungry))
        conn_hub_kick(hub);
    if (length > BLOCK_LEN || hub->spare >= CONN_HUB_BUFFERS_KEEP) {
        free(b);
        return;
    }
    b->next = hub->free;
    hub->free = b;
    hub->spare++;
}

static void
piece_free(struct out_piece *p)
{
    buffer_put(p->hub, p->io.data, p->io.length);
    free(p);
}

/* --- the queue --- */

void
conn_out_init(struct conn *c)
{
    buf_init(&c->out.ctl, CONN_CTL_MAX);
    list_init(&c->out.pieces);
}

/* Pieces that are being read stay until their reader is done with them. */
void
conn_out_fini(struct conn *c)
{
    struct list *link;

    while ((link = list_pop_front(&c->out.pieces)) != NULL) {
        struct out_piece *p = LIST_ENTRY(link, struct out_piece, link);

        p->conn = NULL;
        if (p->state != OUT_READING)
            piece_free(p);
    }
    c->out.count = c->out.loaded = 0;
    c->out.waiting = NULL;
    buf_fini(&c->out.ctl);
}

void
conn_mark_dirty(struct conn *c)
{
    if (!list_linked(&c->dirty))
        list_push_back(&c->hub->dirty, &c->dirty);
    loop_task_ask(c->hub->flush);
}

static void
doom(struct conn *c, int err)
{
    if (c->doomed == 0)
        c->doomed = err;
    conn_mark_dirty(c);
}

void
conn_answer(struct conn *c, const struct handshake *h)
{
    uint8_t bytes[HANDSHAKE_LEN];

    handshake_encode(h, bytes);
    if (buf_put(&c->out.ctl, bytes, sizeof(bytes)) != 0)
        doom(c, SPRAT_E_LIMIT);
    else
        conn_mark_dirty(c);
}

void
conn_send(struct conn *c, const struct wire_msg *msg)
{
    if (c->state == CONN_CLOSED)
        return;
    if (wire_encode(&c->out.ctl, msg) != 0)
        doom(c, SPRAT_E_LIMIT);
    else
        conn_mark_dirty(c);
}

static void
encode_header(struct conn_hub *hub, struct out_piece *p)
{
    struct wire_msg msg = {.type = WIRE_PIECE,
                           .piece = p->io.piece,
                           .begin = p->io.begin,
                           .length = p->io.length};

    buf_reset(&hub->scratch);
    ASSERT(wire_encode(&hub->scratch, &msg) == 0 && buf_len(&hub->scratch) == CONN_PIECE_HEADER);
    memcpy(p->header, buf_data(&hub->scratch), CONN_PIECE_HEADER);
}

void
conn_send_piece(struct conn *c, uint32_t piece, uint32_t begin, uint32_t length, uint32_t allowed)
{
    struct out_piece *p;

    ASSERT(length > 0 && length <= WIRE_REQUEST_MAX && allowed <= length);
    if (c->state == CONN_CLOSED)
        return;
    p = c->out.count < CONN_PIECES_MAX ? calloc(1, sizeof(*p)) : NULL;
    if (p == NULL) {
        doom(c, SPRAT_E_LIMIT);
        return;
    }
    p->io = (struct conn_piece){.piece = piece, .begin = begin, .length = length};
    p->allowed = allowed;
    p->hub = c->hub;
    p->conn = c;
    p->state = OUT_WAITING;
    p->ctl_at = c->out.ctl_sent + buf_len(&c->out.ctl);
    encode_header(c->hub, p);
    list_init(&p->link);
    list_push_back(&c->out.pieces, &p->link);
    c->out.count++;
    if (c->out.waiting == NULL)
        c->out.waiting = p;
    conn_mark_dirty(c);
}

void
conn_allow(struct conn *c, uint32_t piece, uint32_t begin, uint32_t more)
{
    struct out_piece *p;

    if (c->state == CONN_CLOSED || list_empty(&c->out.pieces))
        return;
    p = LIST_ENTRY(c->out.pieces.prev, struct out_piece, link);
    if (p->io.piece != piece || p->io.begin != begin)
        return;
    p->allowed = more < p->io.length - p->allowed ? p->allowed + more : p->io.length;
    conn_mark_dirty(c);
}

/* Takes a piece out of the queue. One that waits is always c->out.waiting. */
static void
unqueue(struct conn *c, struct out_piece *p)
{
    struct list *next = p->link.next;

    if (p == c->out.waiting)
        c->out.waiting =
            next == &c->out.pieces ? NULL : LIST_ENTRY(next, struct out_piece, link);
    else
        c->out.loaded--;
    c->out.count--;
    list_remove(&p->link);
    p->conn = NULL;
}

/* --- reading ahead --- */

static void
read_failed(struct conn *c, struct out_piece *p, int err)
{
    unqueue(c, p);
    c->handler.on_read_failed(c->handler.ctx, c, &p->io, err);
    piece_free(p);
}

/* Begins to read the first piece that waits. False when that must be tried again later. */
static bool
load_one(struct conn *c, struct out_piece *p)
{
    struct list *next = p->link.next;
    int err;

    if (p->io.data == NULL)
        p->io.data = buffer_take(c->hub, p->io.length);
    if (p->io.data == NULL)
        return false;
    err = c->handler.read(c->handler.ctx, c, &p->io);
    if (err == SPRAT_E_AGAIN) {
        buffer_put(c->hub, p->io.data, p->io.length);
        p->io.data = NULL;
        return false;
    }
    if (err != 0) {
        read_failed(c, p, err);
        return true;
    }
    p->state = OUT_READING;
    c->hub->reads++;
    c->out.loaded++;
    c->out.waiting = next == &c->out.pieces ? NULL : LIST_ENTRY(next, struct out_piece, link);
    return true;
}

static void
load(struct conn *c)
{
    while (c->state == CONN_TALKING && c->out.waiting != NULL && !list_linked(&c->hungry) &&
           c->out.loaded < CONN_PIECES_AHEAD)
        if (!load_one(c, c->out.waiting))
            list_push_back(&c->hub->hungry, &c->hungry);
}

void
conn_piece_done(struct conn_piece *io, int err)
{
    struct out_piece *p = (struct out_piece *)(void *)io;
    struct conn *c = p->conn;

    ASSERT(p->state == OUT_READING);
    p->hub->reads--;
    p->state = OUT_READY;
    if (c == NULL) {
        piece_free(p);
        return;
    }
    conn_enter(c);
    if (err != 0)
        read_failed(c, p, err);
    if (c->state != CONN_CLOSED)
        conn_mark_dirty(c);
    conn_leave(c);
}

/* --- writing --- */

struct vec {
    struct iovec iov[IOV_MAX_PER_WRITE];
    int count;
};

static bool
vec_add(struct vec *v, uint8_t *base, size_t len)
{
    if (len == 0)
        return true;
    if (v->count == IOV_MAX_PER_WRITE)
        return false;
    v->iov[v->count++] = (struct iovec){base, len};
    return true;
}

/* False if something must wait for the next write: there is no room, or not all of it may leave. */
static bool
vec_add_piece(struct vec *v, struct out_piece *p)
{
    uint32_t at = p->sent;

    if (at < CONN_PIECE_HEADER) {
        if (!vec_add(v, p->header + at, CONN_PIECE_HEADER - at))
            return false;
        at = CONN_PIECE_HEADER;
    }
    at -= CONN_PIECE_HEADER;
    return vec_add(v, p->io.data + at, p->allowed - at) && p->allowed == p->io.length;
}

/* What can leave now, in order: it ends before the first piece that is not in memory. */
static void
gather(struct conn *c, struct vec *v)
{
    uint8_t *ctl = buf_data(&c->out.ctl);
    size_t done = 0;

    v->count = 0;
    LIST_EACH(it, &c->out.pieces) {
        struct out_piece *p = LIST_ENTRY(it, struct out_piece, link);
        size_t before = (size_t)(p->ctl_at - c->out.ctl_sent) - done;

        if (!vec_add(v, ctl + done, before))
            return;
        done += before;
        if (p->state != OUT_READY || !vec_add_piece(v, p))
            return;
    }
    vec_add(v, ctl + done, buf_len(&c->out.ctl) - done);
}

/* Takes |n| bytes, which left, off the front of the queue. Returns how many of them were
 * payload. */
static uint32_t
consume(struct conn *c, size_t n)
{
    uint32_t payload = 0;

    while (n > 0) {
        struct out_piece *p = list_empty(&c->out.pieces)
                                  ? NULL
                                  : LIST_ENTRY(c->out.pieces.next, struct out_piece, link);
        size_t ctl = p != NULL ? (size_t)(p->ctl_at - c->out.ctl_sent) : buf_len(&c->out.ctl);
        size_t part = n < ctl ? n : ctl;
        uint32_t before;

        buf_consume(&c->out.ctl, part);
        c->out.ctl_sent += part;
        n -= part;
        if (n == 0 || p == NULL)
            break;
        part = CONN_PIECE_HEADER + p->io.length - p->sent;
        part = n < part ? n : part;
        before = p->sent > CONN_PIECE_HEADER ? p->sent - CONN_PIECE_HEADER : 0;
        p->sent += (uint32_t)part;
        n -= part;
        if (p->sent > CONN_PIECE_HEADER)
            payload += p->sent - CONN_PIECE_HEADER - before;
        if (p->sent == CONN_PIECE_HEADER + p->io.length) {
            unqueue(c, p);
            piece_free(p);
        }
    }
    return payload;
}

/* One write. True if there may be more to write at once. */
static bool
write_some(struct conn *c, size_t *budget)
{
    struct vec v;
    size_t total = 0;
    uint32_t payload;
    int64_t n;

    gather(c, &v);
    if (v.count == 0)
        return false;
    for (int i = 0; i < v.count; i++)
        total += v.iov[i].iov_len;
    n = stream_writev(c->stream, v.iov, v.count);
    if (n < 0 && n != SPRAT_E_AGAIN) {
        conn_fail(c, (int)n);
        return false;
    }
    c->out.blocked = n < (int64_t)total;
    if (n <= 0)
        return false;
    payload = consume(c, (size_t)n);
    *budget -= (size_t)n < *budget ? (size_t)n : *budget;
    c->handler.on_sent(c->handler.ctx, c, payload, (uint32_t)n);
    return c->state != CONN_CLOSED && !c->out.blocked;
}

void
conn_flush(struct conn *c)
{
    size_t budget = CONN_TURN_BYTES;

    if (c->doomed != 0) {
        conn_fail(c, c->doomed);
        return;
    }
    load(c);
    while (c->state != CONN_CLOSED && c->connected && !c->out.blocked && budget > 0 &&
           write_some(c, &budget))
        ;
    conn_go_on(c);
    if (c->state == CONN_CLOSED)
        return;
    load(c);
    if (c->state == CONN_CLOSED)
        return;
    if (budget == 0)
        conn_mark_dirty(c);
    if (c->connected && conn_want(c) != 0)
        conn_fail(c, SPRAT_E_LIMIT);
}

/* --- the hub --- */

/* Moves all of |from| to the empty list |to|, so that what is added meanwhile waits for the next
 * turn. */
static void
take_all(struct list *to, struct list *from)
{
    list_init(to);
    if (list_empty(from))
        return;
    *to = *from;
    to->next->prev = to->prev->next = to;
    list_init(from);
}

static void
feed_starved(struct conn_hub *hub)
{
    struct list *link;

    while (block_pool_left(hub->blocks) > 0 && (link = list_pop_front(&hub->starved)) != NULL) {
        struct conn *c = LIST_ENTRY(link, struct conn, starved);

        if (conn_want(c) != 0)
            conn_fail(c, SPRAT_E_LIMIT);
    }
}

static void
flush_list(struct list *conns, size_t offset)
{
    struct list *link;

    while ((link = list_pop_front(conns)) != NULL) {
        struct conn *c = (struct conn *)(void *)((char *)link - offset);

        conn_enter(c);
        conn_flush(c);
        conn_leave(c);
    }
}

static void
on_flush(void *ctx)
{
    struct conn_hub *hub = ctx;
    struct list now;

    if (hub->kicked) {
        hub->kicked = false;
        feed_starved(hub);
        take_all(&now, &hub->hungry);
        flush_list(&now, offsetof(struct conn, hungry));
    }
    take_all(&now, &hub->dirty);
    flush_list(&now, offsetof(struct conn, dirty));
}

struct conn_hub *
conn_hub_new(struct loop *l, uint32_t blocks_max)
{
    struct conn_hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL)
        return NULL;
    hub->loop = l;
    list_init(&hub->dirty);
    list_init(&hub->starved);
    list_init(&hub->hungry);
    buf_init(&hub->scratch, CONN_PIECE_HEADER);
    hub->flush = loop_task_new(l, on_flush, hub);
    hub->blocks = block_pool_new(blocks_max);
    /* The scratch buffer gets its memory now, so that headers can always be encoded. */
    if (hub->flush == NULL || hub->blocks == NULL ||
        buf_room(&hub->scratch, CONN_PIECE_HEADER) == NULL) {
        conn_hub_free(hub);
        return NULL;
    }
    return hub;
}

void
conn_hub_free(struct conn_hub *hub)
{
    struct out_buffer *b;

    if (hub == NULL)
        return;
    ASSERT(hub->conns == 0 && hub->reads == 0);
    while ((b = hub->free) != NULL) {
        hub->free = b->next;
        free(b);
    }
    loop_task_free(hub->flush);
    block_pool_free(hub->blocks);
    buf_fini(&hub->scratch);
    free(hub);
}

struct block_pool *
conn_hub_blocks(const struct conn_hub *hub)
{
    return hub->blocks;
}

void
conn_hub_kick(struct conn_hub *hub)
{
    hub->kicked = true;
    loop_task_ask(hub->flush);
}
