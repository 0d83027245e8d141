/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages and pieces in one order, and the records of pieces.
 */
#include "peer/net/conn_queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

/* --- records of pieces --- */

int
out_pool_init(struct out_pool *pool, uint32_t buffers_max, void (*on_put)(void *ctx), void *ctx)
{
    *pool = (struct out_pool){.reads = 0};
    conn_bufs_init(&pool->bufs, buffers_max, on_put, ctx);
    list_init(&pool->spare);
    buf_init(&pool->scratch, WIRE_PIECE_HEADER);
    /* The scratch buffer gets its memory now, so that headers can always be encoded. */
    return buf_room(&pool->scratch, WIRE_PIECE_HEADER) != NULL ? 0 : SPRAT_E_NOMEM;
}

void
out_pool_fini(struct out_pool *pool)
{
    struct list *link;

    ASSERT(pool->reads == 0);
    while ((link = list_pop_front(&pool->spare)) != NULL)
        free(LIST_ENTRY(link, struct out_piece, link));
    conn_bufs_fini(&pool->bufs);
    buf_fini(&pool->scratch);
}

static struct out_piece *
piece_new(struct out_pool *pool)
{
    struct list *spare = list_pop_front(&pool->spare);

    if (spare == NULL)
        return malloc(sizeof(struct out_piece));
    pool->spare_count--;
    return LIST_ENTRY(spare, struct out_piece, link);
}

void
out_piece_free(struct out_piece *p)
{
    struct out_pool *pool = p->pool;

    conn_bufs_put(&pool->bufs, p->io.data, p->io.length);
    if (pool->spare_count >= CONN_HUB_PIECES_KEEP) {
        free(p);
        return;
    }
    pool->spare_count++;
    list_push_front(&pool->spare, &p->link);
}

static void
encode_header(struct out_piece *p)
{
    struct buf *scratch = &p->pool->scratch;
    struct wire_msg msg = {
        .type = WIRE_PIECE, .piece = p->io.piece, .begin = p->io.begin, .length = p->io.length};
    int err;

    buf_reset(scratch);
    err = wire_encode(scratch, &msg);
    ASSERT(err == 0 && buf_len(scratch) == WIRE_PIECE_HEADER);
    memcpy(p->header, buf_data(scratch), WIRE_PIECE_HEADER);
}

/* --- the queue --- */

void
conn_queue_init(struct conn_queue *q)
{
    *q = (struct conn_queue){.waiting = NULL};
    buf_init(&q->ctl, CONN_CTL_MAX);
    list_init(&q->pieces);
}

void
conn_queue_fini(struct conn_queue *q)
{
    struct list *link;

    while ((link = list_pop_front(&q->pieces)) != NULL) {
        struct out_piece *p = LIST_ENTRY(link, struct out_piece, link);

        p->conn = NULL;
        if (p->state != OUT_READING)
            out_piece_free(p);
    }
    q->count = q->loaded = 0;
    q->waiting = NULL;
    buf_fini(&q->ctl);
}

int
conn_queue_put(struct conn_queue *q, const uint8_t *bytes, size_t len)
{
    return buf_put(&q->ctl, bytes, len) != 0 ? SPRAT_E_LIMIT : 0;
}

int
conn_queue_put_message(struct conn_queue *q, const struct wire_msg *msg)
{
    return wire_encode(&q->ctl, msg) != 0 ? SPRAT_E_LIMIT : 0;
}

int
conn_queue_put_piece(struct conn_queue *q, struct out_pool *pool, struct conn *c,
                     const struct conn_piece *io, uint32_t allowed)
{
    struct out_piece *p = q->count < CONN_PIECES_MAX ? piece_new(pool) : NULL;

    if (p == NULL)
        return SPRAT_E_LIMIT;
    *p = (struct out_piece){
        .io = *io,
        .pool = pool,
        .conn = c,
        .state = OUT_WAITING,
        .allowed = allowed,
        .ctl_at = q->ctl_sent + buf_len(&q->ctl),
    };
    encode_header(p);
    list_init(&p->link);
    list_push_back(&q->pieces, &p->link);
    q->count++;
    if (q->waiting == NULL)
        q->waiting = p;
    return 0;
}

bool
conn_queue_allow(struct conn_queue *q, uint32_t piece, uint32_t begin, uint32_t more)
{
    struct out_piece *p;

    if (list_empty(&q->pieces))
        return false;
    p = LIST_ENTRY(q->pieces.prev, struct out_piece, link);
    if (p->io.piece != piece || p->io.begin != begin)
        return false;
    p->allowed = more < p->io.length - p->allowed ? p->allowed + more : p->io.length;
    return true;
}

size_t
conn_queue_ctl(const struct conn_queue *q)
{
    return buf_len(&q->ctl);
}

struct out_piece *
conn_queue_first(const struct conn_queue *q)
{
    struct list *first = q->pieces.next;

    return first == &q->pieces ? NULL : LIST_ENTRY(first, struct out_piece, link);
}

static struct out_piece *
piece_behind(const struct conn_queue *q, const struct out_piece *p)
{
    struct list *next = p->link.next;

    return next == &q->pieces ? NULL : LIST_ENTRY(next, struct out_piece, link);
}

void
conn_queue_waits_no_more(struct conn_queue *q)
{
    q->loaded++;
    q->waiting = piece_behind(q, q->waiting);
}

void
conn_queue_remove(struct conn_queue *q, struct out_piece *p)
{
    if (p == q->waiting)
        q->waiting = piece_behind(q, p);
    else
        q->loaded--;
    q->count--;
    list_remove(&p->link);
    p->conn = NULL;
}

/* --- what leaves --- */

static bool
vec_add(struct out_vec *v, uint8_t *base, size_t len)
{
    if (len == 0)
        return true;
    if (v->count == OUT_VECS)
        return false;
    v->iov[v->count++] = (struct iovec){base, len};
    return true;
}

/* Adds the header of |p|, and its payload if that is in memory. False: nothing behind |p| may be
 * added, because the vector is full, the payload leaves from its file, or only a part is allowed.
 */
static bool
vec_add_piece(struct out_vec *v, struct out_piece *p)
{
    uint32_t at = p->sent;

    if (p->state != OUT_READY && p->state != OUT_AT_HAND)
        return false;
    if (at < WIRE_PIECE_HEADER) {
        if (!vec_add(v, p->header + at, WIRE_PIECE_HEADER - at))
            return false;
        at = WIRE_PIECE_HEADER;
    }
    at -= WIRE_PIECE_HEADER;
    if (p->state != OUT_READY)
        return false;
    return vec_add(v, p->io.data + at, p->allowed - at) && p->allowed == p->io.length;
}

void
conn_queue_gather(const struct conn_queue *q, struct out_vec *v)
{
    uint8_t *ctl = buf_data(&q->ctl);
    size_t done = 0;

    v->count = 0;
    LIST_EACH (it, &q->pieces) {
        struct out_piece *p = LIST_ENTRY(it, struct out_piece, link);
        size_t before = (size_t)(p->ctl_at - q->ctl_sent) - done;

        if (!vec_add(v, ctl + done, before))
            return;
        done += before;
        if (!vec_add_piece(v, p))
            return;
    }
    vec_add(v, ctl + done, buf_len(&q->ctl) - done);
}

struct out_piece *
conn_queue_file_is_next(const struct conn_queue *q)
{
    struct out_piece *p = conn_queue_first(q);

    return p != NULL && p->state == OUT_AT_HAND && p->ctl_at == q->ctl_sent &&
                   p->sent >= WIRE_PIECE_HEADER && p->sent - WIRE_PIECE_HEADER < p->allowed
               ? p
               : NULL;
}

uint32_t
conn_queue_consume(struct conn_queue *q, size_t n)
{
    uint32_t payload = 0;

    while (n > 0) {
        struct out_piece *p = conn_queue_first(q);
        size_t ctl = p != NULL ? (size_t)(p->ctl_at - q->ctl_sent) : buf_len(&q->ctl);
        size_t part = n < ctl ? n : ctl;
        uint32_t before;

        buf_consume(&q->ctl, part);
        q->ctl_sent += part;
        n -= part;
        if (n == 0 || p == NULL)
            break;
        part = WIRE_PIECE_HEADER + p->io.length - p->sent;
        part = n < part ? n : part;
        before = p->sent > WIRE_PIECE_HEADER ? p->sent - WIRE_PIECE_HEADER : 0;
        p->sent += (uint32_t)part;
        n -= part;
        if (p->sent > WIRE_PIECE_HEADER)
            payload += p->sent - WIRE_PIECE_HEADER - before;
        if (p->sent == WIRE_PIECE_HEADER + p->io.length) {
            conn_queue_remove(q, p);
            out_piece_free(p);
        }
    }
    return payload;
}
