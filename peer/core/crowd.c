/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of connections: who is in it, and how connections end.
 */
#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/crowd_impl.h"

struct crowd *
crowd_new(struct bans *bans, uint64_t seed)
{
    struct crowd *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    rng_init(&c->rng, seed);
    list_init(&c->doomed);
    c->list = peerlist_new(&c->rng, bans);
    if (c->list == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

void
crowd_free(struct crowd *c)
{
    if (c == NULL)
        return;
    ASSERT(c->map.count == 0);
    slotmap_fini(&c->map);
    peerlist_free(c->list);
    free(c);
}

void
crowd_begin(struct crowd *c, const struct crowd_user *user)
{
    ASSERT(c->map.count == 0);
    /* Another size needs another table. Otherwise the table stays, so that ids of the last core's
     * connections find nothing. */
    if (c->user.peers_max != user->peers_max) {
        slotmap_fini(&c->map);
        slotmap_init(&c->map, user->peers_max + CROWD_HALF_OPEN_MAX + CROWD_SPARE_SLOTS);
    }
    if (c->user.listen_port != user->listen_port)
        ownaddr_init(&c->own, user->listen_port);
    c->user = *user;
    c->turnover = (struct mono){0};
    /* Other torrents may have banned sites while this crowd had no user. */
    peerlist_forget_banned(c->list);
}

void
crowd_end(struct crowd *c)
{
    ASSERT(c->map.count == 0 && list_empty(&c->doomed));
    c->up = c->half_open = c->hearsay_dials = 0;
    c->user.view = NULL;
    c->user.ctx = c->user.client = NULL;
}

bool
crowd_is_worth_keeping(const struct crowd *c)
{
    uint32_t count = peerlist_count(c->list);

    return count > 0 && count <= CROWD_REST_MAX;
}

const struct peerlist *
crowd_list(const struct crowd *c)
{
    return c->list;
}

void
crowd_add(struct crowd *c, const struct endpoint *addrs, size_t count, enum peer_source source)
{
    for (size_t i = 0; i < count; i++)
        if (source == PEER_FROM_LSD)
            peerlist_hear(c->list, &addrs[i], false, &addrs[i], source);
        else
            peerlist_add(c->list, &addrs[i], source);
}

struct crowd_peer *
crowd_next_any(const struct crowd *c, uint32_t *iter)
{
    return slotmap_next(&c->map, iter);
}

struct crowd_peer *
crowd_next(const struct crowd *c, uint32_t *iter)
{
    struct crowd_peer *p;

    while ((p = slotmap_next(&c->map, iter)) != NULL && p->state == PEER_DOOMED)
        ;
    return p;
}

struct crowd_peer *
crowd_get(const struct crowd *c, slot_id id)
{
    struct crowd_peer *p = slotmap_get(&c->map, id);

    return p != NULL && p->state != PEER_DOOMED ? p : NULL;
}

uint32_t
crowd_up(const struct crowd *c)
{
    return c->up;
}

uint32_t
crowd_half_open(const struct crowd *c)
{
    return c->half_open;
}

void
crowd_doom(struct crowd *c, struct crowd_peer *p, int err, bool tell)
{
    if (p->state == PEER_DOOMED)
        return;
    p->doom.err = err;
    p->doom.tell = tell;
    p->doom.was_up = p->state == PEER_UP;
    if (p->doom.was_up) {
        c->up--;
    } else {
        c->half_open--;
        c->hearsay_dials -= p->hearsay;
    }
    p->state = PEER_DOOMED;
    list_push_back(&c->doomed, &p->doom.link);
}

struct crowd_peer *
crowd_next_doomed(struct crowd *c)
{
    struct list *link = list_pop_front(&c->doomed);

    return link != NULL ? LIST_ENTRY(link, struct crowd_peer, doom.link) : NULL;
}

static void
doom_banned(struct crowd *c, int err)
{
    uint32_t iter = 0;
    struct crowd_peer *p;

    while ((p = crowd_next(c, &iter)) != NULL)
        if (peerlist_is_banned(c->list, &p->addr))
            crowd_doom(c, p, err, true);
}

bool
crowd_ban(struct crowd *c, uint32_t number, int err, struct mono now)
{
    if (peerlist_addr(c->list, number) == NULL)
        return false;
    peerlist_ban(c->list, number, now);
    doom_banned(c, err);
    return true;
}

void
crowd_on_banned(struct crowd *c)
{
    peerlist_forget_banned(c->list);
    doom_banned(c, SPRAT_E_REFUSED);
}

/* Addresses from other peers (hearsay) must not take the connections of better known ones. */
unsigned
crowd_left_out(const struct crowd *c, unsigned without)
{
    return without | (c->hearsay_dials >= CROWD_HEARSAY_DIALS_MAX ? PEERLIST_NO_HEARSAY : 0);
}

struct mono
crowd_candidate_expiry(const struct crowd *c, unsigned without)
{
    return peerlist_expiry(c->list, crowd_left_out(c, without));
}

void
crowd_name_port(struct crowd *c, const struct crowd_peer *p)
{
    if (p->incoming && p->ext.port != 0)
        peerlist_set_port(c->list, p->number, p->ext.port);
}

/* A user who names a peer waits for its connection. */
static void
note_unreached(const struct crowd *c, const struct crowd_peer *p, struct crowd_parting *out)
{
    struct peer_try_status st;

    if ((peerlist_sources(c->list, p->number) & PEER_FROM_USER) == 0 ||
        !peerlist_try_status(c->list, p->number, &st) || st.failures != 1)
        return;
    out->unreached = true;
    out->how = st.how;
}

/* The address |dialled| is not being dialled any more. An incoming peer may have named it as its
 * own meanwhile: from now on it counts as connected, and is not dialled again. */
static void
name_ports_of(struct crowd *c, const struct endpoint *dialled)
{
    uint32_t iter = 0;
    struct crowd_peer *q;

    while ((q = crowd_next(c, &iter)) != NULL)
        if (q->state == PEER_UP && q->ext.port == dialled->port &&
            endpoint_same_host(&q->addr, dialled))
            crowd_name_port(c, q);
}

/* The connection was never up. */
static void
leave_unmade(struct crowd *c, const struct crowd_peer *p, struct crowd_parting *out,
             struct mono now)
{
    int err = p->doom.err;

    /* Our own lack of resources is not the peer's failure. */
    if (err == SPRAT_E_LIMIT || err == SPRAT_E_NOMEM)
        peerlist_on_closed(c->list, p->number, true, now);
    else
        peerlist_on_failed(c->list, p->number, peer_try_from(err, p->reached), now);
    note_unreached(c, p, out);
    name_ports_of(c, &p->addr);
}

static void
forget(struct crowd *c, struct crowd_peer *p)
{
    slotmap_remove(&c->map, p->id);
    pex_out_fini(&p->pex_out);
    if (c->user.trackers_only)
        peerlist_keep_only_one(c->list, p->number, ~(unsigned)PEER_FROM_INCOMING);
}

/* A peer that breaks the protocol and is only closed reconnects at once and does the same again: it
 * would keep us busy for ever, and its unrequested bytes count against our limit. */
struct crowd_parting
crowd_part(struct crowd *c, struct crowd_peer *p, struct mono now)
{
    struct crowd_parting out = {.banned = false};

    ASSERT(p->state == PEER_DOOMED && !list_linked(&p->doom.link));
    if (p->doom.was_up) {
        out.banned = p->doom.err == SPRAT_E_PROTOCOL && peerlist_offend(c->list, p->number, now);
        peerlist_on_closed(c->list, p->number, p->useful, now);
    } else {
        leave_unmade(c, p, &out, now);
    }
    forget(c, p);
    if (out.banned)
        doom_banned(c, p->doom.err);
    return out;
}

void
crowd_drop(struct crowd *c, struct crowd_peer *p, struct mono now)
{
    list_remove(&p->doom.link);
    peerlist_on_dropped(c->list, p->number, now);
    forget(c, p);
}

void
crowd_hand_over(struct crowd *c, struct crowd_peer *p, struct mono now)
{
    bool up = p->state == PEER_UP;
    uint32_t number = p->number;

    crowd_drop(c, p, now);
    if (up)
        peerlist_dial_soon(c->list, number, now);
}

void
crowd_keep_only(struct crowd *c, unsigned sources)
{
    ASSERT(c->map.count == 0);
    peerlist_keep_only(c->list, sources);
}

void
crowd_set_origin(struct crowd *c, uint64_t origin)
{
    uint64_t before = c->origin;
    uint32_t iter = 0;
    struct crowd_peer *p;

    if (origin == 0 || origin == before)
        return;
    c->origin = origin;
    if (before == 0)
        return;
    while ((p = crowd_next(c, &iter)) != NULL)
        crowd_doom(c, p, SPRAT_E_CANCELLED, true);
    peerlist_keep_only(c->list, PEER_FROM_USER);
}
