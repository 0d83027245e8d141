/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes from memory, and from files where the next bytes are at hand there.
 */
#include "peer/net/conn_write.h"

#include "common/base/err.h"
#include "peer/net/conn_impl.h"

/* On: the link holds short packets back, because each piece from a file takes two calls: one for
 * its header, one for its payload. */
static void
cork(struct conn *c, bool on)
{
    if (c->writer.corked != on)
        link_cork(c->link, on);
    c->writer.corked = on;
}

/* Writes from memory. Returns bytes, SPRAT_E_AGAIN when there is nothing to write, or an error. */
static int64_t
write_memory(struct conn *c)
{
    struct out_vec v;
    size_t total = 0;
    int64_t n;

    conn_queue_gather(&c->out, &v);
    if (v.count == 0)
        return SPRAT_E_AGAIN;
    for (int i = 0; i < v.count; i++)
        total += v.iov[i].iov_len;
    n = link_writev(c->link, v.iov, v.count);
    c->writer.blocked = n < (int64_t)total;
    return n;
}

/* Sends the payload of the first piece from its file. Any error shows again when the piece is read
 * and written instead. */
static int64_t
write_file(struct conn *c, struct out_piece *p)
{
    uint32_t skip = p->sent - WIRE_PIECE_HEADER;
    uint32_t len = p->allowed - skip;
    int64_t n = c->handler.send_file(c->handler.ctx, c, &p->io, skip, len, conn_ahead_is_sure(c, p),
                                     c->link);

    if (n > 0 || n == SPRAT_E_AGAIN) {
        c->writer.blocked = n < (int64_t)len;
        return n;
    }
    conn_ahead_lapse(c, p);
    return SPRAT_E_AGAIN;
}

/* Bytes written in one call of conn_write_turn(); |payload| is the part of |total| in pieces. */
struct written {
    uint32_t payload, total;
};

/* Writes once. True: more can perhaps be written at once. */
static bool
write_some(struct conn *c, struct written *written)
{
    struct out_piece *p = conn_queue_first(&c->out);
    int64_t n;

    if (p != NULL && p->state == OUT_AT_HAND)
        cork(c, true);
    p = conn_queue_file_is_next(&c->out);
    n = p != NULL ? write_file(c, p) : write_memory(c);
    if (n < 0 && n != SPRAT_E_AGAIN)
        c->doomed = (int)n;
    if (n <= 0)
        return false;
    written->payload += conn_queue_consume(&c->out, (size_t)n);
    written->total += (uint32_t)n;
    return !c->writer.blocked;
}

void
conn_write_last(struct conn *c)
{
    if (conn_queue_first(&c->out) == NULL && !c->writer.blocked)
        (void)write_memory(c);
}

bool
conn_write_turn(struct conn *c)
{
    struct written written = {0, 0};

    while (written.total < CONN_TURN_BYTES && write_some(c, &written))
        ;
    cork(c, false);
    if (written.total > 0)
        c->handler.on_sent(c->handler.ctx, c, written.payload, written.total);
    if (c->doomed != 0)
        conn_fail(c, c->doomed);
    return written.total >= CONN_TURN_BYTES;
}
