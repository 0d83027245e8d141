/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Initial seeding: which piece to offer to which peer while we are the only seed, so that each
 * piece leaves us once before any piece leaves us twice. Without offers, peers see one full
 * bitfield and not each other's requests: N of them that fetch P pieces make some N·ln P bad
 * choices. The caller sends the offers: as suggestions (SUGGEST, BEP 6), or as the only pieces that
 * it announces (super-seeding, BEP 16).
 *
 * A piece is fresh while only we have it and it is on offer to no peer. A piece that a peer
 * requests without an offer counts as offered too, which accounts for peers that ignore
 * suggestions.
 */
#ifndef PEER_CORE_SUPERSEED_H
#define PEER_CORE_SUPERSEED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/rng.h"
#include "common/ds/bitfield.h"
#include "peer/core/picker.h"

enum {
    SUPERSEED_OFFERS_MAX = 32, /* offers of one peer that we remember; older ones are forgotten */
    SUPERSEED_AHEAD_MIN = 2,   /* most offers of which the peer has requested no block */
    SUPERSEED_AHEAD_MAX = 16,
};

#define SUPERSEED_NONE UINT32_MAX

enum superseed_state {
    SUPERSEED_WAITING,
    SUPERSEED_BEGUN, /* the peer has requested a block of it */
    SUPERSEED_HELD,  /* the peer has the piece, and no other peer got it yet */
};

struct superseed_offer {
    uint32_t piece;
    enum superseed_state state;
};

/* The offers to one peer. Embedded; starts as all zero. */
struct superseed_peer {
    struct superseed_offer offers[SUPERSEED_OFFERS_MAX]; /* sorted by age, the oldest first */
    uint32_t count;
    uint32_t waiting; /* number of offers in SUPERSEED_WAITING */
};

/* Embedded. No piece is fresh at first. */
struct superseed {
    const struct picker *picker; /* knows how many peers have each piece */
    struct rng *rng;
    struct bitfield fresh;
};

/* On SPRAT_E_NOMEM there is nothing to free. */
int superseed_init(struct superseed *s, const struct picker *picker, struct rng *rng,
                   uint32_t pieces);
void superseed_fini(struct superseed *s);

/* We have all pieces: those that no peer has become fresh. */
void superseed_begin(struct superseed *s);

static inline bool
superseed_active(const struct superseed *s)
{
    return s->fresh.count > 0;
}

/* A peer has the piece (superseed_on_have()) or these pieces. */
void superseed_on_have(struct superseed *s, uint32_t piece);
void superseed_on_bitfield(struct superseed *s, const struct bitfield *has);

/* Offers a fresh piece to |p|; SUPERSEED_NONE if there is none. */
uint32_t superseed_offer(struct superseed *s, struct superseed_peer *p);

/* Offers a piece that is in neither |had| nor |shown| and that the fewest peers have;
 * SUPERSEED_NONE if there is none. For a peer that sees only offered pieces. O(pieces). */
uint32_t superseed_offer_any(struct superseed *s, struct superseed_peer *p,
                             const struct bitfield *had, const struct bitfield *shown);

/* |p| requests a block of the piece. */
void superseed_on_request(struct superseed *s, struct superseed_peer *p, uint32_t piece);

/* |p| has the piece now: the offer ends, or, with |hold|, stays until another peer has the piece
 * too. */
void superseed_on_taken(struct superseed_peer *p, uint32_t piece, bool hold);

/* Another peer has the piece: the offer ends. True if there was one. */
bool superseed_on_seen(struct superseed_peer *p, uint32_t piece);

/* Ends the oldest offer in SUPERSEED_HELD; false if there is none. */
bool superseed_release(struct superseed_peer *p);

/* superseed_on_choke() withdraws the offers of which |p| requested no block; superseed_on_gone(),
 * when |p| is gone, all offers that it did not complete. */
void superseed_on_choke(struct superseed *s, struct superseed_peer *p);
void superseed_on_gone(struct superseed *s, struct superseed_peer *p);

#endif
