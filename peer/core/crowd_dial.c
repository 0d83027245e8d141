/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How connections begin: which addresses are dialled, which connections are let in, and what their
 * handshakes say about who is at the other end.
 */
#include <string.h>

#include "common/base/err.h"
#include "peer/core/crowd_impl.h"

static bool
may_dial(const struct crowd *c)
{
    return c->half_open < CROWD_HALF_OPEN_MAX && c->up + c->half_open < c->user.peers_max;
}

struct mono
crowd_expiry(const struct crowd *c, unsigned without)
{
    return may_dial(c) ? crowd_candidate_expiry(c, without) : MONO_NEVER;
}

static bool
site_is_full(const struct crowd *c, const struct endpoint *addr)
{
    struct endpoint site = endpoint_site(addr);
    uint32_t iter = 0, count = 0;
    const struct crowd_peer *p;

    if (endpoint_scope(addr) == SCOPE_LOOPBACK)
        return false;
    while ((p = crowd_next(c, &iter)) != NULL) {
        struct endpoint other = endpoint_site(&p->addr);

        count += endpoint_same_host(&other, &site);
    }
    return count >= CROWD_SITE_PEERS_MAX;
}

uint32_t
crowd_next_dial(struct crowd *c, unsigned without, struct mono now)
{
    while (may_dial(c)) {
        uint32_t number = peerlist_next(c->list, crowd_left_out(c, without), now);

        if (number == PEERLIST_NONE || !site_is_full(c, peerlist_addr(c->list, number)))
            return number;
        peerlist_on_failed(c->list, number, PEER_TRY_LIMIT, now);
    }
    return PEERLIST_NONE;
}

static bool
join(struct crowd *c, struct crowd_peer *p, uint32_t number, const struct endpoint *addr,
     struct mono now)
{
    p->id = slotmap_add(&c->map, p);
    if (p->id == SLOT_NONE)
        return false;
    p->state = PEER_CONNECTING;
    list_init(&p->doom.link);
    p->number = number;
    p->addr = *addr;
    p->since = p->used = p->last_sent = p->last_received = now;
    p->ext.reqq = 250; /* BEP 10: the default of a peer that names none */
    pex_out_init(&p->pex_out);
    c->half_open++;
    peerlist_on_connecting(c->list, number);
    return true;
}

bool
crowd_join_dialled(struct crowd *c, struct crowd_peer *p, uint32_t number, struct mono now)
{
    if (!join(c, p, number, peerlist_addr(c->list, number), now))
        return false;
    p->hearsay = peerlist_is_hearsay(c->list, number);
    c->hearsay_dials += p->hearsay;
    return true;
}

/* The address of an incoming peer goes into the peer list with port 0, since its listen port is
 * unknown until the peer names it. */
bool
crowd_join_accepted(struct crowd *c, struct crowd_peer *p, const struct endpoint *addr,
                    struct mono now)
{
    struct endpoint host = *addr;
    uint32_t number;

    host.port = 0;
    number = peerlist_add(c->list, &host, PEER_FROM_INCOMING);
    if (number == PEERLIST_NONE || !join(c, p, number, addr, now))
        return false;
    p->incoming = true;
    return true;
}

int
crowd_admit(struct crowd *c, const struct endpoint *addr, struct mono now)
{
    if (peerlist_is_banned(c->list, addr))
        return SPRAT_E_REFUSED;
    return site_is_full(c, addr) || !crowd_make_room(c, addr, now) ? SPRAT_E_LIMIT : 0;
}

/* Another live connection to the same peer id at the same address, or NULL. A peer id is public:
 * every handshake carries it. Therefore the same id at another address counts as another peer, and
 * a peer that copies an id can neither close its owner's connection nor keep the owner out. */
static struct crowd_peer *
find_twin(struct crowd *c, const struct crowd_peer *p)
{
    uint32_t iter = 0;
    struct crowd_peer *q;

    while ((q = crowd_next(c, &iter)) != NULL)
        if (q != p && q->state == PEER_UP && endpoint_same_host(&q->addr, &p->addr) &&
            memcmp(q->peer_id, p->peer_id, PEER_ID_LEN) == 0)
            return q;
    return NULL;
}

/* Two peers may dial each other at the same time. Both keep the connection that the lower peer id
 * made, so that exactly one survives. A connection that has long been silent gives way to the new
 * one: the peer may have lost its power and reconnects after its restart. Silence in either
 * direction counts, so that both ends judge alike. */
static bool
twin_wins(const struct crowd *c, const struct crowd_peer *p, const struct crowd_peer *twin,
          struct mono now)
{
    bool we_are_lower = memcmp(c->user.peer_id, p->peer_id, PEER_ID_LEN) < 0;
    struct mono both_spoke = mono_min(twin->last_received, twin->last_sent);

    if (mono_diff_ms(now, both_spoke) > CROWD_TWIN_SILENT_MS)
        return false;
    if (p->incoming == twin->incoming)
        return true;
    return twin->incoming != we_are_lower;
}

/* Decides whether we keep the connection: 0, or the reason against it. */
static int
judge(struct crowd *c, struct crowd_peer *p, struct mono now)
{
    struct crowd_peer *twin;

    if (memcmp(p->peer_id, c->user.peer_id, PEER_ID_LEN) == 0) {
        peerlist_on_self(c->list, p->number);
        return SPRAT_E_EXISTS;
    }
    if (peerlist_is_banned(c->list, &p->addr))
        return SPRAT_E_PROTOCOL;
    twin = find_twin(c, p);
    if (twin != NULL) {
        if (twin_wins(c, p, twin, now))
            return SPRAT_E_EXISTS;
        crowd_doom(c, twin, SPRAT_E_EXISTS, true);
    }
    /* Other peers may have connected while this one was being dialled. */
    return c->up >= c->user.peers_max ? SPRAT_E_LIMIT : 0;
}

int
crowd_on_handshake(struct crowd *c, struct crowd_peer *p, const struct handshake *h,
                   struct mono now)
{
    int err;

    memcpy(p->peer_id, h->peer_id, PEER_ID_LEN);
    err = judge(c, p, now);
    if (err != 0)
        return err;
    p->state = PEER_UP;
    c->half_open--;
    c->hearsay_dials -= p->hearsay;
    c->up++;
    p->fast = h->fast;
    p->dht = h->dht;
    p->extended = h->extended;
    p->since = p->last_received = now;
    peerlist_on_up(c->list, p->number);
    return 0;
}
