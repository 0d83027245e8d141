/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of a connection, and the calls of all its parts to the hub and the link.
 */
#include <stdlib.h>

#include "common/base/magic.h"
#include "peer/net/conn_impl.h"

int
conn_want(struct conn *c)
{
    unsigned want = 0;

    if (c->state == CONN_SHAKING ||
        (c->state == CONN_TALKING && !list_linked(&c->starved) && !c->stuffed))
        want |= LOOP_READ;
    if (c->writer.blocked)
        want |= LOOP_WRITE;
    return link_want(c->link, want);
}

void
conn_mark_dirty(struct conn *c)
{
    if (!list_linked(&c->dirty))
        list_push_back(&c->hub->dirty, &c->dirty);
    loop_task_ask(c->hub->flush);
}

void
conn_doom(struct conn *c, int err)
{
    if (c->doomed == 0)
        c->doomed = err;
    conn_mark_dirty(c);
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
    c->state = CONN_CLOSED;
    list_remove(&c->dirty);
    list_remove(&c->starved);
    list_remove(&c->hungry);
    loop_timer_free(c->timer);
    link_free(c->link);
    c->link = NULL;
    wire_rx_fini(&c->rx);
    conn_queue_fini(&c->out);
    conn_leave(c);
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
