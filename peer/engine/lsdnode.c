/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Glue between the core, the sockets and a timer.
 */
#include "peer/engine/lsdnode.h"

#include <stdlib.h>

#include "common/base/magic.h"
#include "common/crypto/random.h"
#include "peer/net/lsdlinks.h"

#define LSDNODE_MAGIC 0x4c534431u

struct lsdnode {
    uint32_t magic;
    struct loop *loop;
    struct lsdnode_handler handler;
    struct lsd *lsd;
    struct lsdlinks *links;
    struct loop_timer *timer;
};

/* Sends what is due. */
static void
pump(struct lsdnode *n)
{
    struct lsd_packet packet;

    while (lsd_next(n->lsd, &packet, loop_now(n->loop)))
        if (!lsdlinks_send(n->links, packet.link, packet.data, packet.len))
            lsd_on_unsent(n->lsd);
    loop_timer_set(n->timer, lsd_expiry(n->lsd));
}

static void
on_timer(void *ctx)
{
    struct lsdnode *n = ctx;

    MAGIC_CHECK(n, LSDNODE_MAGIC);
    pump(n);
}

static void
on_up(void *ctx, unsigned number, const struct lsd_link *link)
{
    struct lsdnode *n = ctx;

    lsd_link_up(n->lsd, number, link, loop_now(n->loop));
}

static void
on_down(void *ctx, unsigned number)
{
    struct lsdnode *n = ctx;

    lsd_link_down(n->lsd, number, loop_now(n->loop));
}

/* True if |numbers| has |number|: an announce names both hashes of a hybrid. */
static bool
has(const uint64_t *numbers, unsigned count, uint64_t number)
{
    for (unsigned i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

static void
on_datagram(void *ctx, unsigned number, const struct endpoint *from, const uint8_t *data,
            size_t len)
{
    struct lsdnode *n = ctx;
    uint64_t numbers[LSD_HASHES_READ];
    struct endpoint peer;
    unsigned count;

    MAGIC_CHECK(n, LSDNODE_MAGIC);
    count = lsd_receive(n->lsd, number, from, data, len, loop_now(n->loop), numbers, &peer);
    for (unsigned i = 0; i < count; i++)
        if (!has(numbers, i, numbers[i]))
            n->handler.on_peer(n->handler.ctx, numbers[i], &peer);
}

struct lsdnode *
lsdnode_new(const struct lsdnode_config *cfg, const struct lsdnode_handler *handler)
{
    struct lsdlinks_config links = {.loop = cfg->loop,
                                    .listen = cfg->listen,
                                    .listen_count = cfg->listen_count,
                                    .log = cfg->log};
    struct lsdnode *n = calloc(1, sizeof(*n));
    struct lsdlinks_handler h = {
        .ctx = n, .on_up = on_up, .on_down = on_down, .on_datagram = on_datagram};
    uint64_t key[2], cookie;

    if (n == NULL)
        return NULL;
    MAGIC_SET(n, LSDNODE_MAGIC);
    n->loop = cfg->loop;
    n->handler = *handler;
    random_bytes(key, sizeof(key));
    random_bytes(&cookie, sizeof(cookie));
    n->lsd = lsd_new(key, cookie);
    n->links = lsdlinks_new(&links, &h);
    n->timer = loop_timer_new(cfg->loop, on_timer, n);
    if (n->lsd == NULL || n->links == NULL || n->timer == NULL) {
        lsdnode_free(n);
        return NULL;
    }
    lsdnode_on_change(n);
    return n;
}

void
lsdnode_free(struct lsdnode *n)
{
    if (n == NULL)
        return;
    MAGIC_CHECK(n, LSDNODE_MAGIC);
    loop_timer_free(n->timer);
    lsdlinks_free(n->links);
    lsd_free(n->lsd);
    MAGIC_CLEAR(n);
    free(n);
}

void
lsdnode_on_change(struct lsdnode *n)
{
    MAGIC_CHECK(n, LSDNODE_MAGIC);
    lsdlinks_refresh(n->links);
    pump(n);
}

int
lsdnode_announce(struct lsdnode *n, uint64_t number, const struct identity *id, bool repeat)
{
    struct mono now = loop_now(n->loop);
    int err = 0;

    MAGIC_CHECK(n, LSDNODE_MAGIC);
    if (id->has_v1)
        err = lsd_announce(n->lsd, identity_wire_hash(id, false), number, repeat, now);
    if (id->has_v2 && err == 0)
        err = lsd_announce(n->lsd, identity_wire_hash(id, true), number, repeat, now);
    if (err != 0)
        lsdnode_withdraw(n, number, id);
    pump(n);
    return err;
}

void
lsdnode_withdraw(struct lsdnode *n, uint64_t number, const struct identity *id)
{
    struct mono now = loop_now(n->loop);

    MAGIC_CHECK(n, LSDNODE_MAGIC);
    if (id->has_v1)
        lsd_withdraw(n->lsd, identity_wire_hash(id, false), number, now);
    if (id->has_v2)
        lsd_withdraw(n->lsd, identity_wire_hash(id, true), number, now);
    pump(n);
}

void
lsdnode_get_stats(const struct lsdnode *n, struct lsd_stats *st)
{
    lsd_get_stats(n->lsd, st);
}
