/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which addresses are dialled, and when: as many connections are made at a time as the limits
 * allow, to the addresses that the peer list returns.
 */
#include "peer/core/swarm_dial.h"

#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_fx.h"

static bool
may_dial(const struct swarm *s)
{
    return s->peers.half_open < SWARM_HALF_OPEN_MAX && peers_count(s) < s->cfg.peers_max;
}

/* The addresses that we don't dial: a seed does not dial seeds, and addresses from other peers
 * (hearsay) must not take the connections of better known ones. */
static unsigned
not_dialled(const struct swarm *s)
{
    return (picker_missing(s->picker) == 0 ? PEERLIST_NO_SEEDS : 0) |
           (s->peers.hearsay_dials >= SWARM_HEARSAY_DIALS_MAX ? PEERLIST_NO_HEARSAY : 0);
}

struct mono
dial_candidate_expiry(const struct swarm *s)
{
    return peerlist_expiry(s->list, not_dialled(s));
}

struct mono
dial_expiry(const struct swarm *s)
{
    return may_dial(s) ? peerlist_expiry(s->list, not_dialled(s)) : MONO_NEVER;
}

void
dial_due(struct swarm *s)
{
    while (may_dial(s)) {
        uint32_t number = peerlist_next(s->list, not_dialled(s), s->clock.now);
        struct swarm_effect *fx;
        struct swarm_peer *p;

        if (number == PEERLIST_NONE)
            return;
        if (peers_site_full(s, peerlist_addr(s->list, number))) {
            peerlist_on_failed(s->list, number, PEER_TRY_LIMIT, s->clock.now);
            continue;
        }
        p = peer_new(s, number, peerlist_addr(s->list, number), false);
        if (p == NULL)
            return;
        p->hearsay = peerlist_is_hearsay(s->list, number);
        s->peers.hearsay_dials += p->hearsay;
        peerlist_on_connecting(s->list, number);
        fx = fx_push(s, SWARM_FX_CONNECT, p->id);
        fx->u.connect.addr = p->addr;
        fx->u.connect.via = SWARM_VIA_TCP;
        fx->u.connect.protection = SWARM_PROTECTION_NO;
    }
}
