/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The limited number of connections: which of them are closed to make room for others.
 */
#include "common/base/err.h"
#include "peer/core/crowd_impl.h"
#include "peer/core/peerprio.h"

static struct crowd_view
view_of(const struct crowd *c, const struct crowd_peer *p)
{
    struct crowd_view v = {.seed = false};

    c->user.view(c->user.ctx, p, &v);
    return v;
}

/* We wait for data of |p|, and it has sent no message for CROWD_OWES_MS. */
static bool
owes_for_long(const struct crowd_peer *p, const struct crowd_view *v, struct mono now)
{
    return v->owes && mono_diff_ms(now, p->last_received) > CROWD_OWES_MS;
}

/* How dispensable |p| is: 2 most, 0 not at all. A peer that wants something and does not take it is
 * less dispensable than one that wants nothing; both moved no data for CROWD_USELESS_MS. */
static unsigned
uselessness(const struct crowd *c, const struct crowd_peer *p, struct mono now)
{
    struct crowd_view v;
    bool unused = mono_diff_ms(now, p->used) > CROWD_USELESS_MS;

    if (p->state != PEER_UP)
        return 0;
    v = view_of(c, p);
    if ((unused && !v.wants) || owes_for_long(p, &v, now))
        return 2;
    return unused && v.wasted ? 1 : 0;
}

/* The most dispensable peer; among equals, the one that moved no data for longest. */
static struct crowd_peer *
find_useless(const struct crowd *c, struct mono now)
{
    struct crowd_peer *found = NULL, *p;
    unsigned most = 0;
    uint32_t iter = 0;

    while ((p = crowd_next(c, &iter)) != NULL) {
        unsigned own = uselessness(c, p, now);

        if (own == 0 || own < most ||
            (own == most && found != NULL && !mono_before(p->used, found->used)))
            continue;
        most = own;
        found = p;
    }
    return found;
}

static uint32_t
priority_of(const struct crowd *c, const struct endpoint *addr)
{
    return peerprio(ownaddr_get(&c->own, (enum ip_family)addr->family), addr);
}

/* May |p| be closed for another peer? Peers that the user named stay. */
static bool
is_movable(const struct crowd *c, const struct crowd_peer *p, struct mono now)
{
    return p->state == PEER_UP && (peerlist_sources(c->list, p->number) & PEER_FROM_USER) == 0 &&
           mono_diff_ms(now, p->since) > CROWD_SETTLE_MS;
}

/* The peer to close for |addr|: the one of lowest canonical priority (BEP 40) below that of
 * |addr|. */
static struct crowd_peer *
find_lesser(const struct crowd *c, const struct endpoint *addr, struct mono now)
{
    uint32_t best = priority_of(c, addr), iter = 0;
    struct crowd_peer *found = NULL, *p;

    if (ownaddr_get(&c->own, (enum ip_family)addr->family)->family == IP_NONE)
        return NULL;
    while ((p = crowd_next(c, &iter)) != NULL) {
        uint32_t priority = priority_of(c, &p->addr);

        if (!is_movable(c, p, now) || priority >= best)
            continue;
        best = priority;
        found = p;
    }
    return found;
}

/* The first peers to connect must not keep all others out of a torrent. */
bool
crowd_make_room(struct crowd *c, const struct endpoint *addr, struct mono now)
{
    struct crowd_peer *p;

    if (c->up < c->user.peers_max)
        return true;
    p = find_useless(c, now);
    if (p == NULL)
        p = find_lesser(c, addr, now);
    if (p != NULL)
        crowd_doom(c, p, SPRAT_E_LIMIT, true);
    return p != NULL;
}

void
crowd_give_up(struct crowd *c, struct mono now)
{
    struct crowd_peer *p = find_useless(c, now);

    if (p != NULL)
        crowd_doom(c, p, SPRAT_E_LIMIT, true);
}

/* The least valuable peer that may be closed; among equals, the one of lowest priority (BEP 40). */
static struct crowd_peer *
find_least(const struct crowd *c, struct mono now)
{
    struct crowd_peer *found = NULL, *p;
    uint64_t least = UINT64_MAX;
    uint32_t priority = 0, iter = 0;

    while ((p = crowd_next(c, &iter)) != NULL) {
        uint32_t own = priority_of(c, &p->addr);
        uint64_t worth;

        if (!is_movable(c, p, now))
            continue;
        worth = view_of(c, p).worth;
        if (worth > least || (worth == least && own >= priority))
            continue;
        found = p;
        least = worth;
        priority = own;
    }
    return found;
}

static bool
address_waits(const struct crowd *c, unsigned without, struct mono now)
{
    return mono_due(crowd_candidate_expiry(c, without), now);
}

bool
crowd_is_owed(const struct crowd *c, const struct crowd_peer *p, unsigned without, struct mono now)
{
    struct crowd_view v;

    if (p->state != PEER_UP || c->up + c->half_open < c->user.peers_max)
        return false;
    v = view_of(c, p);
    return owes_for_long(p, &v, now) && address_waits(c, without, now);
}

void
crowd_turnover(struct crowd *c, unsigned without, struct mono now)
{
    uint32_t max = c->user.peers_max, n = (max * CROWD_TURNOVER_PERMILLE + 999) / 1000;
    bool first = c->turnover.us == 0;
    struct crowd_peer *p;

    if (!first && !mono_due(c->turnover, now))
        return;
    c->turnover = mono_add_ms(now, CROWD_TURNOVER_MS);
    if (first || c->up + c->half_open < max - max / 10 || !address_waits(c, without, now))
        return;
    while (n-- > 0 && (p = find_least(c, now)) != NULL)
        crowd_doom(c, p, SPRAT_E_LIMIT, true);
}
