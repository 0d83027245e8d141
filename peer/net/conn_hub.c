/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hub at the end of a loop's round: connections that waited for blocks, buffers or the disk
 * continue, and all messages queued in this round are sent.
 */
#include "peer/net/conn_hub.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/net/conn_impl.h"
#include "peer/net/conn_recv.h"

void
conn_flush(struct conn *c)
{
    bool more = false;

    if (c->doomed != 0) {
        conn_fail(c, c->doomed);
        return;
    }
    conn_ahead_load(c);
    if (c->state != CONN_CLOSED && c->connected && !c->writer.blocked)
        more = conn_write_turn(c);
    conn_go_on(c);
    if (c->state == CONN_CLOSED)
        return;
    conn_ahead_load(c);
    if (c->state == CONN_CLOSED)
        return;
    if (more)
        conn_mark_dirty(c);
    if (c->connected && conn_want(c) != 0)
        conn_fail(c, SPRAT_E_LIMIT);
}

/* Moves all links of |from| to the empty |to|, so that links added to |from| from now on wait for
 * the next round. */
static void
move_all(struct list *to, struct list *from)
{
    list_init(to);
    list_append(to, from);
}

static void
feed_starved(struct conn_hub *hub)
{
    struct list now, *link;

    move_all(&now, &hub->starved);
    while (block_pool_left(hub->blocks) > 0 && (link = list_pop_front(&now)) != NULL)
        conn_feed(LIST_ENTRY(link, struct conn, starved));
    while (!list_empty(&now)) { /* puts the rest back, in front of connections that starved since */
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
        move_all(&now, &hub->hungry);
        flush_list(&now, offsetof(struct conn, hungry));
    }
    move_all(&now, &hub->dirty);
    flush_list(&now, offsetof(struct conn, dirty));
}

static void
on_buffer_back(void *ctx)
{
    struct conn_hub *hub = ctx;

    if (!list_empty(&hub->hungry))
        conn_hub_kick(hub);
}

struct conn_hub *
conn_hub_new(struct loop *l, uint32_t blocks_max, uint32_t buffers_max)
{
    struct conn_hub *hub = calloc(1, sizeof(*hub));
    int err;

    if (hub == NULL)
        return NULL;
    hub->loop = l;
    list_init(&hub->dirty);
    list_init(&hub->starved);
    list_init(&hub->hungry);
    err = out_pool_init(&hub->pool, buffers_max, on_buffer_back, hub);
    hub->flush = loop_task_new(l, on_flush, hub);
    hub->blocks = block_pool_new(blocks_max);
    if (err != 0 || hub->flush == NULL || hub->blocks == NULL) {
        conn_hub_free(hub);
        return NULL;
    }
    return hub;
}

void
conn_hub_free(struct conn_hub *hub)
{
    if (hub == NULL)
        return;
    ASSERT(hub->conns == 0);
    out_pool_fini(&hub->pool);
    loop_task_free(hub->flush);
    block_pool_free(hub->blocks);
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
