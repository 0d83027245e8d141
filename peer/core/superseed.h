/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Initial seeding: which piece to offer to which peer while we are the only ones who have it, so
 * that each piece leaves us once before any leaves us twice. Requesters see one full bitfield and
 * not what the others are asking for; left alone, N of them that fetch P pieces make some N·ln P
 * bad choices. How an offer is told is not known here: as advice (SUGGEST, BEP 6), or by showing
 * nothing else (super-seeding, BEP 16).
 *
 * A piece is fresh while nobody but us has it and it is with nobody on offer. What a peer asks for
 * without an offer counts as offered too, so that peers who take no advice are reckoned with.
 */
#ifndef PEER_CORE_SUPERSEED_H
#define PEER_CORE_SUPERSEED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/rng.h"
#include "common/ds/bitfield.h"
#include "peer/core/picker.h"

enum {
    SUPERSEED_OFFERS_MAX = 32, /* of one peer that we remember; older ones are forgotten */
    SUPERSEED_AHEAD_MIN = 2,   /* offers that a peer has not begun with */
    SUPERSEED_AHEAD_MAX = 16,
};

#define SUPERSEED_NONE UINT32_MAX

enum superseed_state {
    SUPERSEED_WAITING,
    SUPERSEED_BEGUN, /* it was asked for */
    SUPERSEED_HELD,  /* the peer has it and has not passed it on */
};

struct superseed_offer {
    uint32_t piece;
    enum superseed_state state;
};

/* A peer's share of it. Embedded; starts as all zero. */
struct superseed_peer {
    struct superseed_offer offers[SUPERSEED_OFFERS_MAX]; /* the oldest first */
    uint32_t count;
    uint32_t waiting; /* of these, SUPERSEED_WAITING */
};

/* Embedded. Nothing is fresh at first. */
struct superseed {
    const struct picker *picker; /* who has what */
    struct rng *rng;
    struct bitfield fresh;
};

/* SPRAT_E_NOMEM, and then there is nothing to free. */
int superseed_init(struct superseed *s, const struct picker *picker, struct rng *rng,
                   uint32_t pieces);
void superseed_fini(struct superseed *s);

/* We have everything: what no peer has is fresh. */
void superseed_begin(struct superseed *s);

static inline bool
superseed_active(const struct superseed *s)
{
    return s->fresh.count > 0;
}

/* A peer has the piece; or it has these. */
void superseed_on_have(struct superseed *s, uint32_t piece);
void superseed_on_bitfield(struct superseed *s, const struct bitfield *has);

/* Offers a fresh piece to |p|; SUPERSEED_NONE if there is none. */
uint32_t superseed_offer(struct superseed *s, struct superseed_peer *p);

/* Offers, of what is in none of |had| and |shown|, a piece that the fewest have; SUPERSEED_NONE if
 * nothing is left. For a peer that sees nothing but offers. O(pieces). */
uint32_t superseed_offer_any(struct superseed *s, struct superseed_peer *p,
                             const struct bitfield *had, const struct bitfield *shown);

/* |p| asks for a block of it. */
void superseed_on_request(struct superseed *s, struct superseed_peer *p, uint32_t piece);

/* |p| has the piece now: the offer is over, or, with |hold|, held until another has it as well. */
void superseed_on_taken(struct superseed_peer *p, uint32_t piece, bool hold);

/* Another peer has the piece: the offer is over. True if there was one. */
bool superseed_on_seen(struct superseed_peer *p, uint32_t piece);

/* Ends the oldest offer that is held; false if none is. */
bool superseed_release(struct superseed_peer *p);

/* Takes back what |p| has not begun, or, when it is gone, all that it has not got. */
void superseed_on_choke(struct superseed *s, struct superseed_peer *p);
void superseed_on_gone(struct superseed *s, struct superseed_peer *p);

#endif
