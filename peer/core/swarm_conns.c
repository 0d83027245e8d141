/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of connections: peers come in, are counted, and are doomed.
 */
#include "peer/core/swarm_conns.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/swarm_fx.h"

void
conns_init(struct swarm *s)
{
    slotmap_init(&s->peers.map, s->cfg.peers_max + SWARM_HALF_OPEN_MAX + SWARM_SPARE_SLOTS);
    list_init(&s->peers.doomed);
}

static void
release(struct swarm_peer *p)
{
    bitfield_fini(&p->has);
    bitfield_fini(&p->up.shown);
    reqlist_fini(&p->down.requests);
    reqlist_fini(&p->up.queue);
    pex_out_fini(&p->pex.out);
    free(p);
}

void
conns_fini(struct swarm *s)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = slotmap_next(&s->peers.map, &iter)) != NULL)
        release(p);
    slotmap_fini(&s->peers.map);
}

struct swarm_peer *
peer_new(struct swarm *s, uint32_t number, const struct endpoint *addr, bool incoming)
{
    struct swarm_peer *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    if (bitfield_init(&p->has, s->geo.piece_count) != 0) {
        free(p);
        return NULL;
    }
    p->id = slotmap_add(&s->peers.map, p);
    if (p->id == SLOT_NONE) {
        bitfield_fini(&p->has);
        free(p);
        return NULL;
    }
    p->state = PEER_CONNECTING;
    list_init(&p->doom.link);
    p->number = number;
    p->addr = *addr;
    p->incoming = incoming;
    p->since = p->used = p->last_sent = p->last_received = s->clock.now;
    p->ext.reqq = 250; /* BEP 10: the default of a peer that names none */
    p->down.choked = p->up.choked = true;
    reqlist_init(&p->down.requests, PIPELINE_DEPTH_MAX);
    reqlist_init(&p->up.queue, SWARM_UPLOADS_QUEUED_MAX);
    pipeline_init(&p->down.pipe, s->clock.now);
    pex_out_init(&p->pex.out);
    s->peers.half_open++;
    return p;
}

void
peer_set_up(struct swarm *s, struct swarm_peer *p)
{
    ASSERT(p->state == PEER_CONNECTING);
    p->state = PEER_UP;
    s->peers.half_open--;
    s->peers.hearsay_dials -= p->hearsay;
    s->peers.up++;
}

void
peer_free(struct swarm *s, struct swarm_peer *p)
{
    ASSERT(p->state == PEER_DOOMED && !list_linked(&p->doom.link));
    slotmap_remove(&s->peers.map, p->id);
    release(p);
}

struct swarm_peer *
peers_next(const struct swarm *s, uint32_t *iter)
{
    struct swarm_peer *p;

    while ((p = slotmap_next(&s->peers.map, iter)) != NULL && p->state == PEER_DOOMED)
        ;
    return p;
}

struct swarm_peer *
peers_get(const struct swarm *s, slot_id id)
{
    struct swarm_peer *p = slotmap_get(&s->peers.map, id);

    return p != NULL && p->state != PEER_DOOMED ? p : NULL;
}

uint32_t
peers_count(const struct swarm *s)
{
    return s->peers.up + s->peers.half_open;
}

bool
peers_site_full(const struct swarm *s, const struct endpoint *addr)
{
    struct endpoint site = endpoint_site(addr);
    uint32_t iter = 0, count = 0;
    struct swarm_peer *p;

    if (endpoint_scope(addr) == SCOPE_LOOPBACK)
        return false;
    while ((p = peers_next(s, &iter)) != NULL) {
        struct endpoint other = endpoint_site(&p->addr);

        count += endpoint_same_host(&other, &site);
    }
    return count >= SWARM_SITE_PEERS_MAX;
}

static void
doom(struct swarm *s, struct swarm_peer *p, int err, bool tell)
{
    if (p->state == PEER_DOOMED)
        return;
    p->doom.err = err;
    p->doom.tell = tell;
    p->doom.was_up = p->state == PEER_UP;
    if (p->doom.was_up) {
        s->peers.up--;
        s->peers.seeds -= peer_is_seed(p);
    } else {
        s->peers.half_open--;
        s->peers.hearsay_dials -= p->hearsay;
    }
    p->state = PEER_DOOMED;
    list_push_back(&s->peers.doomed, &p->doom.link);
}

void
peer_doom(struct swarm *s, struct swarm_peer *p, int err)
{
    doom(s, p, err, true);
}

void
peer_doom_silently(struct swarm *s, struct swarm_peer *p, int err)
{
    doom(s, p, err, false);
}

void
peers_doom_all(struct swarm *s, int err)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL)
        peer_doom(s, p, err);
}

struct swarm_peer *
peers_next_doomed(struct swarm *s)
{
    struct swarm_peer *p;

    if (list_empty(&s->peers.doomed))
        return NULL;
    p = LIST_ENTRY(s->peers.doomed.next, struct swarm_peer, doom.link);
    list_remove(&p->doom.link);
    return p;
}

static void
doom_banned(struct swarm *s, int err)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL)
        if (peerlist_is_banned(s->list, &p->addr))
            peer_doom(s, p, err);
}

static void
tell_banned(struct swarm *s, uint32_t number, int err)
{
    fx_notice(s, SWARM_NOTICE_BANNED, 0, err)->u.notice.peer_addr = *peerlist_addr(s->list, number);
}

void
peer_ban(struct swarm *s, uint32_t number, int err)
{
    if (peerlist_addr(s->list, number) == NULL)
        return;
    tell_banned(s, number, err);
    peerlist_ban(s->list, number, s->clock.now);
    doom_banned(s, err);
}

/* A peer that is only closed reconnects at once and does the same again: it would keep us busy for
 * ever, and its unrequested bytes count against our limit. */
void
peer_offends(struct swarm *s, const struct swarm_peer *p, int err)
{
    if (err != SPRAT_E_PROTOCOL || !peerlist_offend(s->list, p->number, s->clock.now))
        return;
    tell_banned(s, p->number, err);
    doom_banned(s, err);
}

void
peers_on_banned(struct swarm *s)
{
    peerlist_forget_banned(s->list);
    doom_banned(s, SPRAT_E_REFUSED);
}
