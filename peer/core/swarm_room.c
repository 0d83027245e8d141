/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The limited number of connections: which peers may have one, and which connections are closed to
 * make room for others.
 */
#include "peer/core/swarm_room.h"

#include "common/base/err.h"
#include "peer/core/peerprio.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_dial.h"
#include "peer/core/swarm_upload.h"

/* Both sides are upload-only. A super-seeding peer does not announce that it is a seed. */
static bool
is_pointless(const struct swarm *s, const struct swarm_peer *p)
{
    return picker_missing(s->picker) == 0 && !p->up.interested &&
           (p->ext.upload_only || peer_is_seed(p));
}

void
room_review(struct swarm *s, struct swarm_peer *p)
{
    peerlist_on_seed(s->list, p->number, p->ext.upload_only || peer_is_seed(p));
    if (is_pointless(s, p))
        peer_doom(s, p, SPRAT_E_CANCELLED);
}

/* Our requests to |p| are open, and it has sent no message for SWARM_OWES_MS. */
static bool
owes_for_long(const struct swarm *s, const struct swarm_peer *p)
{
    return p->state == PEER_UP && p->down.pipe.snubbed &&
           mono_diff_ms(s->clock.now, p->last_received) > SWARM_OWES_MS;
}

/* The peer is not interested, and no block went either way for SWARM_USELESS_MS. */
static bool
is_useless(const struct swarm *s, const struct swarm_peer *p)
{
    return p->state == PEER_UP && !p->up.interested &&
           mono_diff_ms(s->clock.now, p->used) > SWARM_USELESS_MS;
}

/* The peer is interested, but did not use its upload slot, and no block went either way for
 * SWARM_USELESS_MS. */
static bool
is_idle_for_long(const struct swarm *s, const struct swarm_peer *p)
{
    return p->state == PEER_UP && upload_is_wasted_on(s, p) &&
           mono_diff_ms(s->clock.now, p->used) > SWARM_USELESS_MS;
}

/* How dispensable |p| is: 2 most, 0 not at all. */
static unsigned
uselessness(const struct swarm *s, const struct swarm_peer *p)
{
    if (is_useless(s, p) || owes_for_long(s, p))
        return 2;
    return is_idle_for_long(s, p) ? 1 : 0;
}

/* The most dispensable peer; among equals, the one that moved no block for longest. */
static struct swarm_peer *
find_useless(struct swarm *s)
{
    struct swarm_peer *found = NULL, *p;
    unsigned most = 0;
    uint32_t iter = 0;

    while ((p = peers_next(s, &iter)) != NULL) {
        unsigned own = uselessness(s, p);

        if (own == 0 || own < most ||
            (own == most && found != NULL && !mono_before(p->used, found->used)))
            continue;
        most = own;
        found = p;
    }
    return found;
}

/* The peer's value in bytes/s: its rate to us while we miss pieces, else our rate to it. */
static uint64_t
worth(const struct swarm *s, const struct swarm_peer *p)
{
    const struct rate_meter *m = picker_missing(s->picker) > 0 ? &p->down.meter : &p->up.meter;

    return rate_meter_rate(m, s->clock.now);
}

static uint32_t
priority_of(const struct swarm *s, const struct endpoint *addr)
{
    return peerprio(ownaddr_get(&s->own, (enum ip_family)addr->family), addr);
}

/* May |p| be closed for another peer? Peers that the user named stay. */
static bool
is_movable(const struct swarm *s, const struct swarm_peer *p)
{
    return p->state == PEER_UP && (peerlist_sources(s->list, p->number) & PEER_FROM_USER) == 0 &&
           mono_diff_ms(s->clock.now, p->since) > SWARM_SETTLE_MS;
}

/* The peer to close for |addr|: the one of lowest canonical priority (BEP 40) below that of
 * |addr|. */
static struct swarm_peer *
find_lesser(struct swarm *s, const struct endpoint *addr)
{
    uint32_t best = priority_of(s, addr), iter = 0;
    struct swarm_peer *found = NULL, *p;

    if (ownaddr_get(&s->own, (enum ip_family)addr->family)->family == IP_NONE)
        return NULL;
    while ((p = peers_next(s, &iter)) != NULL) {
        uint32_t priority = priority_of(s, &p->addr);

        if (!is_movable(s, p) || priority >= best)
            continue;
        best = priority;
        found = p;
    }
    return found;
}

/* The first peers to connect must not keep all others out of a torrent. */
bool
room_make(struct swarm *s, const struct endpoint *addr)
{
    struct swarm_peer *p;

    if (s->peers.up < s->cfg.peers_max)
        return true;
    p = find_useless(s);
    if (p == NULL)
        p = find_lesser(s, addr);
    if (p != NULL)
        peer_doom(s, p, SPRAT_E_LIMIT);
    return p != NULL;
}

void
room_give_up(struct swarm *s)
{
    struct swarm_peer *p = find_useless(s);

    if (p != NULL)
        peer_doom(s, p, SPRAT_E_LIMIT);
}

/* The least valuable peer that may be closed; among equals, the one of lowest priority (BEP 40). */
static struct swarm_peer *
find_least(struct swarm *s)
{
    struct swarm_peer *found = NULL, *p;
    uint64_t least = UINT64_MAX;
    uint32_t priority = 0, iter = 0;

    while ((p = peers_next(s, &iter)) != NULL) {
        uint64_t w = worth(s, p);
        uint32_t own = priority_of(s, &p->addr);

        if (!is_movable(s, p) || w > least || (w == least && own >= priority))
            continue;
        found = p;
        least = w;
        priority = own;
    }
    return found;
}

/* The table is nearly full, and another address waits to be dialled. */
static bool
is_crowded(const struct swarm *s)
{
    return peers_count(s) >= s->cfg.peers_max - s->cfg.peers_max / 10 &&
           mono_due(dial_candidate_expiry(s), s->clock.now);
}

bool
room_is_owed(const struct swarm *s, const struct swarm_peer *p)
{
    return owes_for_long(s, p) && peers_count(s) >= s->cfg.peers_max &&
           mono_due(dial_candidate_expiry(s), s->clock.now);
}

void
room_turnover(struct swarm *s)
{
    uint32_t n = (s->cfg.peers_max * SWARM_TURNOVER_PERMILLE + 999) / 1000;
    bool first = s->clock.turnover.us == 0;
    struct swarm_peer *p;

    if (!first && !mono_due(s->clock.turnover, s->clock.now))
        return;
    s->clock.turnover = mono_add_ms(s->clock.now, SWARM_TURNOVER_MS);
    if (first || !is_crowded(s))
        return;
    while (n-- > 0 && (p = find_least(s)) != NULL)
        peer_doom(s, p, SPRAT_E_LIMIT);
}
