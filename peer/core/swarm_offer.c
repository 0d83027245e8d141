/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Initial seeding: as long as there are pieces that nobody but us has, each peer that we serve is
 * told which of them are meant for it (superseed.h has the choice). As a rule that is advice. In
 * super-seeding (BEP 16), for peers that take none, we look like somebody who has nothing yet and
 * gets the offered pieces one by one: a peer is veiled, until a copy is out or another seed comes.
 * It gets the next piece when another has an earlier one, so that those are served who pass on what
 * they get. Nobody starves by that: as soon as we have nothing to send, we show more.
 */
#include "peer/core/swarm_impl.h"

enum {
    UNVEIL_MAX = 256,          /* pieces shown to one peer in a tick once the veil is lifted */
    VEILED_BYTES = 512 * 1024, /* shown ahead to a veiled peer, which may look for work but twice
                                  a */
    VEILED_SHARE = 16,         /* second; but all together no more than one piece in so many */
};

/* When everything is had: at the start, or at the last piece. */
void
offer_begin(struct swarm *s)
{
    if (swarm_is_seed(s))
        superseed_begin(&s->super);
}

void
offer_veil(struct swarm *s, struct swarm_peer *p)
{
    if (!s->cfg.super_seed || s->copy_is_out || !swarm_is_seed(s))
        return;
    p->up.veiled = bitfield_init(&p->up.shown, s->geo.piece_count) == 0;
}

static void
show(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    if (bitfield_set(&p->up.shown, piece))
        fx_send(s, p, WIRE_HAVE)->piece = piece;
}

/* How many offers shall wait for |p|: those that its requests reach next. */
static uint32_t
ahead(const struct swarm *s, const struct swarm_peer *p)
{
    uint64_t asked = (uint64_t)p->up.queue.count * BLOCK_LEN / s->geo.piece_length;

    if (p->up.choked)
        return 0;
    return asked < SUPERSEED_AHEAD_MAX - SUPERSEED_AHEAD_MIN ? SUPERSEED_AHEAD_MIN + (uint32_t)asked
                                                             : SUPERSEED_AHEAD_MAX;
}

/* Is |p| the only one who could pass anything on? */
static bool
is_alone(const struct swarm *s)
{
    return s->peers.count - s->load.half_open < 2;
}

/* How many pieces a veiled peer shall know of that it has not, or has not passed on. */
static uint32_t
veiled_ahead(const struct swarm *s)
{
    uint32_t want = VEILED_BYTES / s->geo.piece_length;
    uint32_t share = s->geo.piece_count / (VEILED_SHARE * s->peers.count);

    want = want < share ? want : share;
    want = want < SUPERSEED_AHEAD_MAX ? want : SUPERSEED_AHEAD_MAX;
    return want > SUPERSEED_AHEAD_MIN ? want : SUPERSEED_AHEAD_MIN;
}

static bool
wants_offer(const struct swarm *s, const struct swarm_peer *p)
{
    uint32_t want = veiled_ahead(s), queue = ahead(s, p);

    if (is_alone(s) && !p->up.choked)
        return p->up.offers.waiting < (want > queue ? want : queue);
    return p->up.offers.count < want;
}

static void
fill_veiled(struct swarm *s, struct swarm_peer *p)
{
    while (wants_offer(s, p)) {
        uint32_t piece = superseed_offer(&s->super, &p->up.offers);

        if (piece == SUPERSEED_NONE)
            piece = superseed_offer_any(&s->super, &p->up.offers, &p->has, &p->up.shown);
        if (piece == SUPERSEED_NONE)
            return;
        show(s, p, piece);
    }
}

void
offer_fill(struct swarm *s, struct swarm_peer *p)
{
    uint32_t want;

    if (p->up.veiled) {
        fill_veiled(s, p);
        return;
    }
    want = p->fast ? ahead(s, p) : 0;
    while (p->up.offers.waiting < want && superseed_active(&s->super))
        fx_send(s, p, WIRE_SUGGEST)->piece = superseed_offer(&s->super, &p->up.offers);
}

void
offer_on_has(struct swarm *s, struct swarm_peer *p)
{
    superseed_on_bitfield(&s->super, &p->has);
    s->copy_is_out = s->copy_is_out || peer_is_seed(p);
    for (uint32_t i = p->up.offers.count; i-- > 0;)
        if (bitfield_get(&p->has, p->up.offers.offers[i].piece))
            superseed_on_taken(&p->up.offers, p->up.offers.offers[i].piece, false);
    if (p->up.veiled)
        offer_fill(s, p);
}

/* |giver| has passed it on. */
static void
on_seen_elsewhere(struct swarm *s, const struct swarm_peer *p, uint32_t piece)
{
    uint32_t iter = 0;
    struct swarm_peer *giver;

    while ((giver = slotmap_next(&s->peers, &iter)) != NULL)
        if (giver != p && giver->up.veiled && superseed_on_seen(&giver->up.offers, piece))
            fill_veiled(s, giver);
}

void
offer_on_have(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    superseed_on_have(&s->super, piece);
    superseed_on_taken(&p->up.offers, piece,
                       p->up.veiled && !is_alone(s) && picker_availability(s->picker, piece) == 1);
    if (!p->up.veiled)
        return;
    on_seen_elsewhere(s, p, piece);
    offer_on_idle(s);
    fill_veiled(s, p);
}

/* Has anybody something to get from us? */
static bool
is_idle(const struct swarm *s)
{
    uint32_t iter = 0;
    const struct swarm_peer *p;

    while ((p = slotmap_next(&s->peers, &iter)) != NULL)
        if (p->up.queue.count > 0 || p->up.sending > 0)
            return false;
    return true;
}

void
offer_on_idle(struct swarm *s)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    if (!s->cfg.super_seed || s->copy_is_out || !is_idle(s))
        return;
    while ((p = slotmap_next(&s->peers, &iter)) != NULL)
        if (p->up.veiled && superseed_release(&p->up.offers))
            fill_veiled(s, p);
}

void
offer_on_request(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    superseed_on_request(&s->super, &p->up.offers, piece);
    offer_fill(s, p);
}

/* What was shown to a veiled peer stays shown. */
void
offer_on_choke(struct swarm *s, struct swarm_peer *p)
{
    if (!p->up.veiled)
        superseed_on_choke(&s->super, &p->up.offers);
}

void
offer_on_peer_gone(struct swarm *s, struct swarm_peer *p)
{
    superseed_on_gone(&s->super, &p->up.offers);
}

void
offer_tick(struct swarm *s)
{
    offer_on_idle(s);
    if (s->cfg.super_seed && !s->copy_is_out && picker_copies_permille(s->picker) >= 1000)
        s->copy_is_out = true;
}

/* Lifts the veil bit by bit: a large torrent has more pieces than we want to say in one go. */
void
offer_peer_tick(struct swarm *s, struct swarm_peer *p)
{
    const struct bitfield *have = picker_bitfield(s->picker);
    uint32_t left = UNVEIL_MAX;

    if (!p->up.veiled || !s->copy_is_out)
        return;
    for (uint32_t i = bitfield_next_clear(&p->up.shown, 0); i < have->nbits && left > 0;
         i = bitfield_next_clear(&p->up.shown, i + 1)) {
        if (bitfield_get(&p->has, i)) {
            bitfield_set(&p->up.shown, i); /* it has it, so that it need not know */
        } else if (bitfield_get(have, i)) {
            show(s, p, i);
            left--;
        }
    }
    p->up.veiled = left == 0;
}
