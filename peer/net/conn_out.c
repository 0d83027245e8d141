/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a connection sends, and the hub: messages and pieces leave in one order, gathered into as
 * few writes as the socket takes. A piece whose file is in the page cache leaves straight from
 * there (sendfile); others are read ahead of their turn, within the limits of the hub.
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

    if (hub->buffers + buffer_blocks(length) > hub->buffers_max)
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

/* --- records of pieces --- */

static struct out_piece *
piece_new(struct conn_hub *hub)
{
    struct list *spare = list_pop_front(&hub->pieces);

    if (spare == NULL)
        return malloc(sizeof(struct out_piece));
    hub->piece_count--;
    return LIST_ENTRY(spare, struct out_piece, link);
}

static void
piece_free(struct out_piece *p)
{
    struct conn_hub *hub = p->hub;

    buffer_put(hub, p->io.data, p->io.length);
    if (hub->piece_count >= CONN_HUB_PIECES_KEEP) {
        free(p);
        return;
    }
    hub->piece_count++;
    list_push_front(&hub->pieces, &p->link);
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
    struct wire_msg msg = {
        .type = WIRE_PIECE, .piece = p->io.piece, .begin = p->io.begin, .length = p->io.length};
    int err;

    buf_reset(&hub->scratch);
    err = wire_encode(&hub->scratch, &msg);
    ASSERT(err == 0 && buf_len(&hub->scratch) == CONN_PIECE_HEADER);
    memcpy(p->header, buf_data(&hub->scratch), CONN_PIECE_HEADER);
}

void
conn_send_piece(struct conn *c, uint32_t piece, uint32_t begin, uint32_t length, uint32_t allowed)
{
    struct out_piece *p;

    ASSERT(length > 0 && length <= WIRE_REQUEST_MAX && allowed <= length);
    if (c->state == CONN_CLOSED)
        return;
    p = c->out.count < CONN_PIECES_MAX ? piece_new(c->hub) : NULL;
    if (p == NULL) {
        doom(c, SPRAT_E_LIMIT);
        return;
    }
    *p = (struct out_piece){
        .io = {.piece = piece, .begin = begin, .length = length},
        .hub = c->hub,
        .conn = c,
        .state = OUT_WAITING,
        .allowed = allowed,
        .ctl_at = c->out.ctl_sent + buf_len(&c->out.ctl),
    };
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
        c->out.waiting = next == &c->out.pieces ? NULL : LIST_ENTRY(next, struct out_piece, link);
    else
        c->out.loaded--;
    c->out.count--;
    list_remove(&p->link);
    p->conn = NULL;
}

/* --- reading ahead --- */

/* The other side is told, unless it got the beginning: then only the end of the connection
 * tells. */
static void
read_failed(struct conn *c, struct out_piece *p, int err)
{
    bool begun = p->sent > 0;

    unqueue(c, p);
    c->handler.on_read_failed(c->handler.ctx, c, &p->io, err);
    piece_free(p);
    if (begun)
        conn_fail(c, err);
}

/* Begins to read a piece. Bytes in flight: 0; SPRAT_E_AGAIN: later; or why it can't be. */
static int
read_piece(struct conn *c, struct out_piece *p)
{
    int err;

    p->io.data = buffer_take(c->hub, p->io.length);
    if (p->io.data == NULL)
        return SPRAT_E_AGAIN;
    err = c->handler.read(c->handler.ctx, c, &p->io);
    if (err != 0) {
        buffer_put(c->hub, p->io.data, p->io.length);
        p->io.data = NULL;
        return err;
    }
    p->state = OUT_READING;
    c->hub->reads++;
    return 0;
}

static bool
is_within(const struct out_hand *h, const struct conn_piece *p, struct mono now)
{
    return h->len > 0 && p->piece == h->piece && p->begin >= h->begin &&
           p->begin - h->begin < h->len && p->length <= h->len - (p->begin - h->begin) &&
           mono_before(now, mono_add_ms(h->asked, CONN_SURE_MS / 2));
}

/* Peers mostly ask for one block after the other, so that one answer does for many. */
static bool
is_at_hand(struct conn *c, struct out_piece *p)
{
    struct mono now = loop_now(c->hub->loop);
    struct out_hand *h = &c->out.hand;
    int64_t n;

    if (!is_within(h, &p->io, now)) {
        if (c->handler.send_file == NULL)
            return false;
        n = c->handler.send_file(c->handler.ctx, c, &p->io, 0, p->io.length, false, NULL);
        h->len = 0;
        if (n < (int64_t)p->io.length)
            return false;
        *h = (struct out_hand){p->io.piece, p->io.begin, (uint32_t)n, now};
    }
    p->asked = h->asked;
    p->state = OUT_AT_HAND;
    return true;
}

/* Gets the first piece that waits ready. False when that must be tried again later. */
static bool
load_one(struct conn *c, struct out_piece *p)
{
    struct list *next = p->link.next;
    int err = is_at_hand(c, p) ? 0 : read_piece(c, p);

    if (err == SPRAT_E_AGAIN)
        return false;
    if (err != 0) {
        read_failed(c, p, err);
        return true;
    }
    c->out.loaded++;
    c->out.waiting = next == &c->out.pieces ? NULL : LIST_ENTRY(next, struct out_piece, link);
    return true;
}

static struct out_piece *
first_piece(const struct conn *c)
{
    struct list *first = c->out.pieces.next;

    return first == &c->out.pieces ? NULL : LIST_ENTRY(first, struct out_piece, link);
}

/* The first one's turn had come when it was found to be at hand no longer. False as above. */
static bool
load_lapsed(struct conn *c)
{
    struct out_piece *p = first_piece(c);
    int err = p != NULL && p->state == OUT_LAPSED ? read_piece(c, p) : 0;

    if (err != 0 && err != SPRAT_E_AGAIN)
        read_failed(c, p, err);
    return err != SPRAT_E_AGAIN;
}

static void
load(struct conn *c)
{
    if (c->state != CONN_TALKING || list_linked(&c->hungry))
        return;
    if (!load_lapsed(c)) {
        list_push_back(&c->hub->hungry, &c->hungry);
        return;
    }
    while (c->state == CONN_TALKING && c->out.waiting != NULL &&
           c->out.loaded < CONN_PIECES_AHEAD) {
        if (!load_one(c, c->out.waiting)) {
            list_push_back(&c->hub->hungry, &c->hungry);
            return;
        }
    }
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

/* False when what follows can't leave with it: there is no room, it leaves from its file, or not
 * all of it may leave. */
static bool
vec_add_piece(struct vec *v, struct out_piece *p)
{
    uint32_t at = p->sent;

    if (p->state != OUT_READY && p->state != OUT_AT_HAND)
        return false;
    if (at < CONN_PIECE_HEADER) {
        if (!vec_add(v, p->header + at, CONN_PIECE_HEADER - at))
            return false;
        at = CONN_PIECE_HEADER;
    }
    at -= CONN_PIECE_HEADER;
    if (p->state != OUT_READY)
        return false;
    return vec_add(v, p->io.data + at, p->allowed - at) && p->allowed == p->io.length;
}

/* What can leave from memory now, in order: it ends before the first payload that is not there. */
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
        if (!vec_add_piece(v, p))
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
        struct out_piece *p = first_piece(c);
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

/* Holds short packets back while pieces leave one by one, each in two calls. */
static void
cork(struct conn *c, bool on)
{
    if (c->out.corked != on)
        stream_cork(c->stream, on);
    c->out.corked = on;
}

/* Bytes, SPRAT_E_AGAIN when there is nothing to write, or an error. */
static int64_t
write_memory(struct conn *c)
{
    struct vec v;
    size_t total = 0;
    int64_t n;

    gather(c, &v);
    if (v.count == 0)
        return SPRAT_E_AGAIN;
    for (int i = 0; i < v.count; i++)
        total += v.iov[i].iov_len;
    n = stream_writev(c->stream, v.iov, v.count);
    c->out.blocked = n < (int64_t)total;
    return n;
}

/* The payload of the first piece, from its file. What goes wrong, whatever it is, shows again when
 * it is read and written instead. */
static int64_t
write_file(struct conn *c, struct out_piece *p)
{
    uint32_t skip = p->sent - CONN_PIECE_HEADER;
    struct mono now = loop_now(c->hub->loop);
    bool sure = mono_before(now, mono_add_ms(p->asked, CONN_SURE_MS));
    uint32_t len = p->allowed - skip;
    int64_t n = c->handler.send_file(c->handler.ctx, c, &p->io, skip, len, sure, c->stream);

    if (n > 0 || n == SPRAT_E_AGAIN) {
        c->out.blocked = n < (int64_t)len;
        return n;
    }
    p->state = OUT_LAPSED;
    c->out.hand.len = 0;
    return SPRAT_E_AGAIN;
}

/* The first piece, if its payload is the next that leaves, and can leave from its file. */
static struct out_piece *
file_is_next(struct conn *c)
{
    struct out_piece *p = first_piece(c);

    return p != NULL && p->state == OUT_AT_HAND && p->ctl_at == c->out.ctl_sent &&
                   p->sent >= CONN_PIECE_HEADER && p->sent - CONN_PIECE_HEADER < p->allowed
               ? p
               : NULL;
}

/* What a turn moved. */
struct turn {
    uint32_t payload, total;
};

/* One write. True if there may be more to write at once. */
static bool
write_some(struct conn *c, struct turn *turn)
{
    struct out_piece *p = first_piece(c);
    int64_t n;

    if (p != NULL && p->state == OUT_AT_HAND)
        cork(c, true);
    p = file_is_next(c);
    n = p != NULL ? write_file(c, p) : write_memory(c);
    if (n < 0 && n != SPRAT_E_AGAIN)
        c->doomed = (int)n;
    if (n <= 0)
        return false;
    turn->payload += consume(c, (size_t)n);
    turn->total += (uint32_t)n;
    return !c->out.blocked;
}

/* Writes until the socket is full, nothing is left, or others shall have their turn: then true. */
static bool
write_turn(struct conn *c)
{
    struct turn turn = {0, 0};

    while (turn.total < CONN_TURN_BYTES && write_some(c, &turn))
        ;
    cork(c, false);
    if (turn.total > 0)
        c->handler.on_sent(c->handler.ctx, c, turn.payload, turn.total);
    if (c->doomed != 0)
        conn_fail(c, c->doomed);
    return turn.total >= CONN_TURN_BYTES;
}

void
conn_flush(struct conn *c)
{
    bool more = false;

    if (c->doomed != 0) {
        conn_fail(c, c->doomed);
        return;
    }
    load(c);
    if (c->state != CONN_CLOSED && c->connected && !c->out.blocked)
        more = write_turn(c);
    conn_go_on(c);
    if (c->state == CONN_CLOSED)
        return;
    load(c);
    if (c->state == CONN_CLOSED)
        return;
    if (more)
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
    list_append(to, from);
}

static void
feed_starved(struct conn_hub *hub)
{
    struct list now, *link;

    take_all(&now, &hub->starved);
    while (block_pool_left(hub->blocks) > 0 && (link = list_pop_front(&now)) != NULL)
        conn_feed(LIST_ENTRY(link, struct conn, starved));
    while (!list_empty(&now)) { /* the rest stay in front of those that came to it meanwhile */
        link = now.prev;
        list_remove(link);
        list_push_front(&hub->starved, link);
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
conn_hub_new(struct loop *l, uint32_t blocks_max, uint32_t buffers_max)
{
    struct conn_hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL)
        return NULL;
    hub->loop = l;
    hub->buffers_max = buffers_max;
    list_init(&hub->dirty);
    list_init(&hub->starved);
    list_init(&hub->hungry);
    list_init(&hub->pieces);
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
    struct list *link;

    if (hub == NULL)
        return;
    ASSERT(hub->conns == 0 && hub->reads == 0);
    while ((b = hub->free) != NULL) {
        hub->free = b->next;
        free(b);
    }
    while ((link = list_pop_front(&hub->pieces)) != NULL)
        free(LIST_ENTRY(link, struct out_piece, link));
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
