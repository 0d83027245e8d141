/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections are few: who may have one, and whose is given to another.
 */
#include "peer/core/swarm_impl.h"

#include "common/base/err.h"
#include "peer/core/peerprio.h"

bool
room_site_full(struct swarm *s, const struct endpoint *addr)
{
    struct endpoint site = endpoint_site(addr);
    uint32_t iter = 0, count = 0;
    struct swarm_peer *p;

    if (endpoint_scope(addr) == SCOPE_LOOPBACK)
        return false;
    while ((p = slotmap_next(&s->peers, &iter)) != NULL) {
        struct endpoint other = endpoint_site(&p->addr);

        count += endpoint_same_host(&other, &site);
    }
    return count >= SWARM_SITE_PEERS_MAX;
}

/* Two who both only give. A seed that is not told of a piece that it could give does not say so. */
static bool
is_pointless(const struct swarm *s, const struct swarm_peer *p)
{
    return picker_missing(s->picker) == 0 && !p->up.interested &&
           (p->ext.upload_only || peer_is_seed(p));
}

bool
room_keep(struct swarm *s, struct swarm_peer *p)
{
    peerlist_on_seed(s->list, p->number, p->ext.upload_only || peer_is_seed(p));
    if (!is_pointless(s, p))
        return true;
    peer_close(s, p, SPRAT_E_CANCELLED);
    return false;
}

/* Blocks were asked of it, and nothing at all comes. */
static bool
owes_for_long(const struct swarm *s, const struct swarm_peer *p)
{
    return p->state == PEER_UP && p->down.pipe.snubbed &&
           mono_diff_ms(s->clock.now, p->last_received) > SWARM_OWES_MS;
}

/* Wants nothing and gave and took nothing for long. */
static bool
is_useless(const struct swarm *s, const struct swarm_peer *p)
{
    return p->state == PEER_UP && !p->up.interested &&
           mono_diff_ms(s->clock.now, p->used) > SWARM_USELESS_MS;
}

/* It says that it wants something, and took nothing when it could. */
static bool
is_idle_for_long(const struct swarm *s, const struct swarm_peer *p)
{
    return p->state == PEER_UP && upload_is_wasted_on(s, p) &&
           mono_diff_ms(s->clock.now, p->used) > SWARM_USELESS_MS;
}

/* How well |p| can be spared: 0 is not at all. */
static unsigned
uselessness(const struct swarm *s, const struct swarm_peer *p)
{
    if (is_useless(s, p) || owes_for_long(s, p))
        return 2;
    return is_idle_for_long(s, p) ? 1 : 0;
}

/* Of those that give and take nothing, the peer that has done so for longest. One that says that it
 * wants something comes last. */
static struct swarm_peer *
find_useless(struct swarm *s)
{
    struct swarm_peer *found = NULL, *p;
    unsigned most = 0;
    uint32_t iter = 0;

    while ((p = slotmap_next(&s->peers, &iter)) != NULL) {
        unsigned own = uselessness(s, p);

        if (own == 0 || own < most ||
            (own == most && found != NULL && !mono_before(p->used, found->used)))
            continue;
        most = own;
        found = p;
    }
    return found;
}

/* Bytes a second that it is good for: what it gives while we want something, else what it takes. */
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

/* May it be closed for another? Whom the user named stays. */
static bool
is_movable(const struct swarm *s, const struct swarm_peer *p)
{
    return p->state == PEER_UP && (peerlist_sources(s->list, p->number) & PEER_FROM_USER) == 0 &&
           mono_diff_ms(s->clock.now, p->since) > SWARM_SETTLE_MS;
}

/* Who has to go for |addr|, by the order that all peers agree on (BEP 40). */
static struct swarm_peer *
find_lesser(struct swarm *s, const struct endpoint *addr)
{
    uint32_t best = priority_of(s, addr), iter = 0;
    struct swarm_peer *found = NULL, *p;

    if (ownaddr_get(&s->own, (enum ip_family)addr->family)->family == IP_NONE)
        return NULL;
    while ((p = slotmap_next(&s->peers, &iter)) != NULL) {
        uint32_t priority = priority_of(s, &p->addr);

        if (!is_movable(s, p) || priority >= best)
            continue;
        best = priority;
        found = p;
    }
    return found;
}

/* Those who came first must not keep a torrent from everybody else. */
bool
room_make(struct swarm *s, const struct endpoint *addr)
{
    struct swarm_peer *p;

    if (s->peers.count - s->load.half_open < s->cfg.peers_max)
        return true;
    p = find_useless(s);
    if (p == NULL)
        p = find_lesser(s, addr);
    if (p != NULL)
        peer_close(s, p, SPRAT_E_LIMIT);
    return p != NULL;
}

void
room_give_up(struct swarm *s)
{
    struct swarm_peer *p = find_useless(s);

    if (p != NULL)
        peer_close(s, p, SPRAT_E_LIMIT);
}

/* The least useful of those that may go: by what comes of it, then by the common order. */
static struct swarm_peer *
find_least(struct swarm *s)
{
    struct swarm_peer *found = NULL, *p;
    uint64_t least = UINT64_MAX;
    uint32_t priority = 0, iter = 0;

    while ((p = slotmap_next(&s->peers, &iter)) != NULL) {
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

/* The table is full, and there is somebody else. */
static bool
is_crowded(const struct swarm *s)
{
    return s->peers.count >= s->cfg.peers_max - s->cfg.peers_max / 10 &&
           mono_due(peers_candidate_expiry(s), s->clock.now);
}

bool
room_is_owed(const struct swarm *s, const struct swarm_peer *p)
{
    return owes_for_long(s, p) && s->peers.count >= s->cfg.peers_max &&
           mono_due(peers_candidate_expiry(s), s->clock.now);
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
        peer_close(s, p, SPRAT_E_LIMIT);
}
