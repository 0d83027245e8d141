/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What peers say about peers: extended handshakes with listen ports and our own address, and peer
 * exchange. We name only peers that can be dialled: those that we dialled, and those that told us
 * their listen port.
 */
#include <stdlib.h>

#include "common/base/err.h"
#include "peer/core/crowd_impl.h"

enum { LOOK_AGAIN_MS = 5000 }; /* delay when there was nothing new to send */

int
crowd_put_ext_handshake(const struct crowd *c, const struct crowd_peer *p, bool upload_only,
                        struct buf *out)
{
    const struct ext_offer offer = {.client = c->user.client,
                                    .listen_port = c->user.listen_port,
                                    .reqq = c->user.reqq,
                                    .metadata_size = c->user.metadata_size,
                                    .upload_only = upload_only,
                                    .no_pex = !c->user.pex,
                                    .theirs = &p->addr};

    return extmsg_put_handshake(out, &offer);
}

static void
plan_pex(const struct crowd *c, struct crowd_peer *p, struct mono now)
{
    if (p->ext.ids[EXTMSG_PEX] == 0 || !c->user.pex)
        p->pex_out.next = MONO_NEVER;
    else if (p->pex_out.next.us == MONO_NEVER.us)
        p->pex_out.next = mono_add_ms(now, PEX_FIRST_MS);
}

int
crowd_on_ext_handshake(struct crowd *c, struct crowd_peer *p, const uint8_t *data, size_t len,
                       struct mono now)
{
    int err = extmsg_read_handshake(&p->ext, data, len);

    if (err != 0)
        return err;
    crowd_name_port(c, p);
    if (ownaddr_vote(&c->own, &p->addr, &p->ext.yourip, now))
        peerlist_set_own(c->list, ownaddr_get(&c->own, (enum ip_family)p->ext.yourip.family));
    plan_pex(c, p, now);
    return 0;
}

uint16_t
crowd_port_to_say(const struct crowd *c, const struct crowd_peer *p)
{
    return p->dht ? c->user.dht_port : 0;
}

bool
crowd_on_port(const struct crowd *c, struct crowd_peer *p, uint16_t port, struct endpoint *node)
{
    if (c->user.dht_port == 0 || port == 0 || p->dht_named)
        return false;
    p->dht_named = true;
    *node = p->addr;
    node->port = port;
    return true;
}

void
crowd_on_seed(struct crowd *c, struct crowd_peer *p, bool is_seed)
{
    peerlist_on_seed(c->list, p->number, is_seed);
}

/* Do we name |q| to |p|? */
static bool
is_worth_telling(const struct crowd *c, const struct crowd_peer *p, const struct crowd_peer *q,
                 struct pex_contact *out)
{
    struct crowd_view v = {.seed = false};

    *out = (struct pex_contact){.addr = q->addr};
    if (q->incoming)
        out->addr.port = q->ext.port; /* port 0 fails pex_plausible() */
    if (q == p || q->state != PEER_UP || !pex_plausible(&out->addr, &p->addr))
        return false;
    c->user.view(c->user.ctx, q, &v);
    if (v.seed)
        out->flags |= PEX_SEED;
    if (!q->incoming)
        out->flags |= PEX_REACHABLE;
    return true;
}

/* Writes a message with the changes; false if there are none. */
static bool
put_changes(struct crowd *c, struct crowd_peer *p, struct buf *out)
{
    struct pex_contact *live = calloc(c->up + c->half_open, sizeof(*live));
    uint32_t iter = 0, n = 0;
    const struct crowd_peer *q;
    bool any;

    if (live == NULL)
        return false;
    while ((q = crowd_next(c, &iter)) != NULL)
        n += is_worth_telling(c, p, q, &live[n]);
    any = pex_write(&p->pex_out, live, pex_sort(live, n), &c->rng, out) == 1;
    free(live);
    return any;
}

bool
crowd_put_pex(struct crowd *c, struct crowd_peer *p, struct buf *out, struct mono now)
{
    bool any;

    if (p->state != PEER_UP || !mono_due(p->pex_out.next, now))
        return false;
    any = put_changes(c, p, out);
    p->pex_out.next = mono_add_ms(now, any ? PEX_PERIOD_MS : LOOK_AGAIN_MS);
    return any;
}

static void
hear(struct crowd *c, const struct crowd_peer *p, const struct pex_contact *contact)
{
    if (pex_plausible(&contact->addr, &p->addr))
        peerlist_hear(c->list, &contact->addr, (contact->flags & PEX_SEED) != 0, &p->addr,
                      PEER_FROM_PEX);
}

int
crowd_on_pex(struct crowd *c, struct crowd_peer *p, const uint8_t *data, size_t len,
             struct mono now)
{
    struct pex_message m;
    int err = pex_in_allow(&p->pex_in, now) ? pex_read(&m, data, len) : SPRAT_E_LIMIT;

    if (!c->user.pex || err == SPRAT_E_NOMEM)
        return 0;
    if (err == SPRAT_E_LIMIT && pex_in_strike(&p->pex_in))
        return 0;
    if (err != 0)
        return SPRAT_E_PROTOCOL;
    for (uint32_t i = 0; i < m.added_count; i++)
        hear(c, p, &m.added[i]);
    return 0;
}
