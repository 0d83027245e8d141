/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Initial seeding (superseed.h): as long as only we have some of the pieces, each unchoked peer
 * gets offers of different ones. Normally an offer is a SUGGEST (BEP 6). Super-seeding (BEP 16)
 * serves peers that ignore suggestions: we appear to have no pieces at first, and announce each
 * offered piece with a HAVE. A peer that sees us so is veiled, until a full copy is out or another
 * seed appears. A veiled peer gets its next offer when another peer has one of its earlier pieces,
 * so that peers that pass pieces on are served first. No peer starves: as soon as we have nothing
 * to send, we offer more.
 */
#include "peer/core/swarm_offer.h"

#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_fx.h"

enum {
    UNVEIL_MAX = 256,          /* HAVEs to one peer in a tick after super-seeding ended */
    VEILED_BYTES = 512 * 1024, /* most bytes of pieces that were offered to a veiled peer and that
                                  it does not have yet (it may look for work only twice a second) */
    VEILED_SHARE = 16,         /* all veiled peers together: at most 1/16 of the pieces */
};

/* We have all pieces: at the START, or after the last piece. */
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

/* The number of open offers to keep at |p|: pieces that its requests reach next. */
static uint32_t
ahead(const struct swarm *s, const struct swarm_peer *p)
{
    uint64_t asked = (uint64_t)p->up.queue.count * BLOCK_LEN / s->geo.piece_length;

    if (p->up.choked)
        return 0;
    return asked < SUPERSEED_AHEAD_MAX - SUPERSEED_AHEAD_MIN ? SUPERSEED_AHEAD_MIN + (uint32_t)asked
                                                             : SUPERSEED_AHEAD_MAX;
}

/* Is there no second peer to which |p| could pass pieces on? */
static bool
is_alone(const struct swarm *s)
{
    return crowd_up(s->crowd) < 2;
}

/* The number of pieces that a veiled peer may know of and not have, or not have passed on. */
static uint32_t
veiled_ahead(const struct swarm *s)
{
    uint32_t want = VEILED_BYTES / s->geo.piece_length;
    uint32_t share = s->geo.piece_count / (VEILED_SHARE * peers_count(s));

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
    want = p->at.fast ? ahead(s, p) : 0;
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

/* |p| has the piece: other peers that had it from an offer have passed it on. */
static void
on_seen_elsewhere(struct swarm *s, const struct swarm_peer *p, uint32_t piece)
{
    uint32_t iter = 0;
    struct swarm_peer *giver;

    while ((giver = peers_next(s, &iter)) != NULL)
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

/* No request of any peer is queued or being sent. */
static bool
is_idle(const struct swarm *s)
{
    uint32_t iter = 0;
    const struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL)
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
    while ((p = peers_next(s, &iter)) != NULL)
        if (p->up.veiled && superseed_release(&p->up.offers))
            fill_veiled(s, p);
}

void
offer_on_request(struct swarm *s, struct swarm_peer *p, uint32_t piece)
{
    superseed_on_request(&s->super, &p->up.offers, piece);
    offer_fill(s, p);
}

/* A veiled peer keeps its offers: a HAVE cannot be withdrawn. */
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

/* After super-seeding: announces the remaining pieces, a part in each tick, since a large torrent
 * has too many for one burst. */
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
            bitfield_set(&p->up.shown, i); /* the peer has the piece: a HAVE is not needed */
        } else if (bitfield_get(have, i)) {
            show(s, p, i);
            left--;
        }
    }
    p->up.veiled = left == 0;
}
