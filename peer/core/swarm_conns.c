/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarm's records of its connections.
 */
#include "peer/core/swarm_conns.h"

#include <stdlib.h>

#include "peer/core/swarm_fx.h"

struct swarm_peer *
peer_new(struct swarm *s)
{
    struct swarm_peer *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    if (bitfield_init(&p->has, s->geo.piece_count) != 0) {
        free(p);
        return NULL;
    }
    p->down.choked = p->up.choked = true;
    reqlist_init(&p->down.requests, PIPELINE_DEPTH_MAX);
    reqlist_init(&p->up.queue, SWARM_UPLOADS_QUEUED_MAX);
    pipeline_init(&p->down.pipe, s->clock.now);
    return p;
}

void
peer_free(struct swarm_peer *p)
{
    bitfield_fini(&p->has);
    bitfield_fini(&p->up.shown);
    free(p->hash.asks);
    free(p->hash.waits);
    reqlist_fini(&p->down.requests);
    reqlist_fini(&p->up.queue);
    free(p);
}

void
peer_leave_receivers(struct swarm *s, struct swarm_peer *p)
{
    if (s->cfg.receivers != NULL)
        receivers_leave(s->cfg.receivers, p->receiver);
    p->receiver = RECEIVERS_NONE;
}

void
conns_drop_all(struct swarm *s)
{
    uint32_t iter = 0;
    struct crowd_peer *at;

    while ((at = crowd_next_any(s->crowd, &iter)) != NULL) {
        crowd_drop(s->crowd, at, s->clock.now);
        peer_leave_receivers(s, peer_of(at));
        peer_free(peer_of(at));
    }
}

struct swarm_peer *
peers_next(const struct swarm *s, uint32_t *iter)
{
    const struct crowd_peer *at = crowd_next(s->crowd, iter);

    return at != NULL ? peer_of(at) : NULL;
}

struct swarm_peer *
peers_get(const struct swarm *s, slot_id id)
{
    const struct crowd_peer *at = crowd_get(s->crowd, id);

    return at != NULL ? peer_of(at) : NULL;
}

uint32_t
peers_count(const struct swarm *s)
{
    return crowd_up(s->crowd) + crowd_half_open(s->crowd);
}

void
peer_doom(struct swarm *s, struct swarm_peer *p, int err)
{
    crowd_doom(s->crowd, &p->at, err, true);
}

void
peer_doom_silently(struct swarm *s, struct swarm_peer *p, int err)
{
    crowd_doom(s->crowd, &p->at, err, false);
}

void
peers_doom_all(struct swarm *s, int err)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL)
        peer_doom(s, p, err);
}

void
peer_ban(struct swarm *s, uint32_t number, int err)
{
    const struct endpoint *addr = peerlist_addr(crowd_list(s->crowd), number);

    if (addr == NULL)
        return;
    fx_notice(s, SWARM_NOTICE_BANNED, 0, err)->u.notice.peer_addr = *addr;
    crowd_ban(s->crowd, number, err, s->clock.now);
}
