/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarm's side of peer exchange (BEP 11): which peers we name to another peer and when, and
 * what we do with the addresses that a peer names. We name only peers that can be dialled: those
 * that we dialled, and those that told us their listen port.
 */
#include "peer/core/swarm_pex.h"

#include <stdlib.h>

#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_fx.h"

enum { LOOK_AGAIN_MS = 5000 }; /* delay when there was nothing new to send */

bool
pex_enabled(const struct swarm *s)
{
    return !s->cfg.no_pex && !s->mi->is_private;
}

void
pex_on_handshake(struct swarm *s, struct swarm_peer *p)
{
    if (p->ext.ids[EXTMSG_PEX] == 0 || !pex_enabled(s))
        p->pex.out.next = MONO_NEVER;
    else if (p->pex.out.next.us == MONO_NEVER.us)
        p->pex.out.next = mono_add_ms(s->clock.now, PEX_FIRST_MS);
}

/* Do we name |q| to |p|? */
static bool
is_worth_telling(const struct swarm_peer *p, const struct swarm_peer *q, struct pex_contact *c)
{
    *c = (struct pex_contact){.addr = q->addr};
    if (q->incoming)
        c->addr.port = q->ext.port; /* port 0 fails pex_plausible() */
    if (q == p || q->state != PEER_UP || !pex_plausible(&c->addr, &p->addr))
        return false;
    if (q->ext.upload_only || peer_is_seed(q))
        c->flags |= PEX_SEED;
    if (!q->incoming)
        c->flags |= PEX_REACHABLE;
    return true;
}

/* Sends a message with the changes; false if there are none. */
static bool
tell(struct swarm *s, struct swarm_peer *p)
{
    struct pex_contact *live = calloc(peers_count(s), sizeof(*live));
    struct wire_msg msg = {.type = WIRE_EXTENDED, .ext_id = p->ext.ids[EXTMSG_PEX]};
    uint32_t iter = 0, n = 0;
    struct swarm_peer *q;
    struct buf buf;
    bool told = false;

    if (live == NULL)
        return false;
    while ((q = peers_next(s, &iter)) != NULL)
        n += is_worth_telling(p, q, &live[n]);
    buf_init(&buf, PEX_SIZE_MAX);
    if (pex_write(&p->pex.out, live, pex_sort(live, n), &s->rng, &buf) == 1) {
        fx_send_buf(s, p, &msg, &buf);
        told = true;
    }
    buf_fini(&buf);
    free(live);
    return told;
}

void
pex_tick(struct swarm *s, struct swarm_peer *p)
{
    if (s->state == SWARM_ACTIVE && mono_due(p->pex.out.next, s->clock.now))
        p->pex.out.next = mono_add_ms(s->clock.now, tell(s, p) ? PEX_PERIOD_MS : LOOK_AGAIN_MS);
}

static void
take(struct swarm *s, const struct swarm_peer *p, const struct pex_contact *c)
{
    if (pex_plausible(&c->addr, &p->addr))
        peerlist_hear(s->list, &c->addr, (c->flags & PEX_SEED) != 0, &p->addr);
}

void
pex_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    struct pex_message m;
    int err =
        pex_in_allow(&p->pex.in, s->clock.now) ? pex_read(&m, msg->data, msg->len) : SPRAT_E_LIMIT;

    if (!pex_enabled(s) || err == SPRAT_E_NOMEM)
        return;
    if (err == SPRAT_E_LIMIT && pex_in_strike(&p->pex.in))
        return;
    if (err != 0) {
        peer_doom(s, p, SPRAT_E_PROTOCOL);
        return;
    }
    for (uint32_t i = 0; i < m.added_count; i++)
        take(s, p, &m.added[i]);
}
