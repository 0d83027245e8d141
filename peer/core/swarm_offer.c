/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Initial seeding: as long as there are pieces that nobody but us has, each peer that we serve is
 * told which of them are meant for it (superseed.h has the choice).
 */
#include "peer/core/swarm_impl.h"

/* When everything is had: at the start, or at the last piece. */
void
offer_begin(struct swarm *s)
{
    if (swarm_is_seed(s))
        superseed_begin(&s->super);
}

/* How many offers shall wait for |p|: those that its requests reach next. */
static uint32_t
ahead(const struct swarm *s, const struct swarm_peer *p)
{
    uint64_t asked = (uint64_t)p->up.queue.count * BLOCK_LEN / s->geo.piece_length;

    return asked < SUPERSEED_AHEAD_MAX - SUPERSEED_AHEAD_MIN ? SUPERSEED_AHEAD_MIN + (uint32_t)asked
                                                             : SUPERSEED_AHEAD_MAX;
}

void
offer_fill(struct swarm *s, struct swarm_peer *p)
{
    uint32_t want = ahead(s, p);

    if (!p->fast || p->up.choked)
        return;
    while (p->up.offers.waiting < want && superseed_active(&s->super))
        fx_send(s, p, WIRE_SUGGEST)->piece = superseed_offer(&s->super, &p->up.offers);
}

void
offer_on_has(struct swarm *s, struct swarm_peer *p)
{
    superseed_on_bitfield(&s->super, &p->has);
}

void
offer_on_have(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    superseed_on_have(&s->super, piece);
    superseed_on_taken(&p->up.offers, piece);
}

void
offer_on_request(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    superseed_on_request(&s->super, &p->up.offers, piece);
    offer_fill(s, p);
}

void
offer_on_choke(struct swarm *s, struct swarm_peer *p)
{
    superseed_on_choke(&s->super, &p->up.offers);
}

void
offer_on_peer_gone(struct swarm *s, struct swarm_peer *p)
{
    superseed_on_gone(&s->super, &p->up.offers);
}
