/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which blocks to request next: rarest first with random ties, partial pieces first, random first
 * pieces, sequential mode, priorities, and the endgame. Owns the state of every block of every
 * piece that is under way. Knows peers only as what they have and as opaque source numbers.
 *
 * A block goes FREE → REQUESTED (by one, in the endgame by several) → WRITING → STORED; the piece,
 * when all its blocks are STORED, goes to its owner for checking and then to HAVE, or back.
 */
#ifndef PEER_CORE_PICKER_H
#define PEER_CORE_PICKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/rng.h"
#include "common/ds/bitfield.h"
#include "peer/core/geometry.h"

enum {
    PICKER_RANDOM_FIRST = 4,    /* pieces had before rarest-first begins (BEP 3 practice) */
    PICKER_ENDGAME_COPIES = 3,  /* peers asked for one block at most */
    PICKER_PRIORITY_SKIP = 0,
    PICKER_PRIORITY_NORMAL = 4,
    PICKER_PRIORITY_MAX = 7,
};

struct picker_block {
    uint32_t piece;
    uint32_t block;
};

struct picker_options {
    bool sequential;
    bool exclusive;              /* prefer pieces that no other peer works on (a fast peer) */
    uint32_t peer;               /* who asks, as in picker_writing(): for |exclusive| */
    const uint32_t *hints;       /* of equals, these first (suggested pieces) */
    uint32_t hint_count;
    const struct bitfield *only; /* if not NULL: choose among these pieces only (allowed fast) */
};

struct picker;

/* Everything missing, normal priority, availability 0. NULL when memory is out. |rng| is used
 * during calls and must outlive it. */
struct picker *picker_new(const struct geometry *g, struct rng *rng);
void picker_free(struct picker *p);

/* Availability: a peer came with, or left with, these pieces; or has one piece more or less (BEP
 * 54). Each peer's calls must add up. */
void picker_add_peer(struct picker *p, const struct bitfield *has);
void picker_remove_peer(struct picker *p, const struct bitfield *has);
void picker_add_have(struct picker *p, uint32_t piece);
void picker_remove_have(struct picker *p, uint32_t piece);

/* Priorities; PICKER_PRIORITY_SKIP means: don't want it. A piece can be had and skipped. */
void picker_set_priority(struct picker *p, uint32_t piece, unsigned priority);
unsigned picker_priority(const struct picker *p, uint32_t piece);

/* We have it, and it is verified. */
void picker_have(struct picker *p, uint32_t piece);
const struct bitfield *picker_bitfield(const struct picker *p);

/* A piece that can't be judged yet (missing piece layer) is not picked while held. */
void picker_hold(struct picker *p, uint32_t piece, bool held);

/* Is the piece wanted, missing, and not without any block to request? */
bool picker_wants(const struct picker *p, uint32_t piece);

/* The piece was bad, and nobody knows whose fault it was: until it is had, it is asked of one peer,
 * as long as that goes on with it, so that the next bad copy has one culprit, as a rule. Otherwise
 * a few bad peers among many slow ones spoil each copy for ever. */
void picker_solo(struct picker *p, uint32_t piece);
/* None of this peer's requests is out any more, and for now it takes no others: what it alone was
 * asked for, others may go on with. */
void picker_leave(struct picker *p, uint32_t peer);

/* True if |has| has a piece that is wanted and missing: are we interested? */
bool picker_interested(const struct picker *p, const struct bitfield *has);

/* Chooses up to |max| blocks for a peer that has |has| and marks them requested; returns how many.
 * Pieces under way come first, so that few are open at a time. */
uint32_t picker_pick(struct picker *p, const struct bitfield *has, const struct picker_options *opt,
                     struct picker_block *out, uint32_t max);

/* In the endgame, asks |peer| too for a block that another is asked for. False if nobody is, or
 * PICKER_ENDGAME_COPIES are. Which block and who is the caller's to know. */
bool picker_pick_again(struct picker *p, uint32_t piece, uint32_t block, uint32_t peer);

/* One request for the block is no more (cancelled, rejected, timed out, peer left). No effect on a
 * block that came meanwhile. */
void picker_abort(struct picker *p, uint32_t piece, uint32_t block);

/* The block's bytes came, from source |from|, and go to disk; asked for or not. All requests for it
 * end with that: ask picker_requests() before, to know if there are others to cancel, and don't
 * abort them. False, and nothing changes, if it is not wanted any more (it came already, or the
 * piece is had or skipped), or memory is out: then drop them. */
bool picker_writing(struct picker *p, uint32_t piece, uint32_t block, uint32_t from);

/* It is on disk. True if that was the last one and the piece is ready to be checked. */
bool picker_stored(struct picker *p, uint32_t piece, uint32_t block);

/* The block, or the whole piece, turned out bad or could not be written: what was WRITING or STORED
 * is FREE again, its source forgotten. */
void picker_block_bad(struct picker *p, uint32_t piece, uint32_t block);
void picker_piece_bad(struct picker *p, uint32_t piece);

/* Requests in flight for the block (0 to PICKER_ENDGAME_COPIES). */
unsigned picker_requests(const struct picker *p, uint32_t piece, uint32_t block);

/* Who a WRITING or STORED block came from; UINT32_MAX if unknown. */
uint32_t picker_source(const struct picker *p, uint32_t piece, uint32_t block);

/* A piece under way, in piece order: false if there is none at or after |*piece|. */
bool picker_next_partial(const struct picker *p, uint32_t *piece);

/* Bytes of a piece under way that are STORED. */
uint32_t picker_partial_bytes(const struct picker *p, uint32_t piece);

/* Wanted and missing pieces; 0 means that we are done. A piece without any block to request (pads
 * only) counts until picker_have() is called for it, but is never picked and interests nobody. */
uint32_t picker_missing(const struct picker *p);

/* True if something is missing and every obtainable block of it is requested or further. Blocks
 * that nobody has don't count; pieces on hold do. */
bool picker_endgame(const struct picker *p);

/* Peers that have the piece; and the whole swarm's copies beside ours: the smallest availability
 * times 1000, plus the per mille of pieces above it (libtorrent's distributed copies). */
uint32_t picker_availability(const struct picker *p, uint32_t piece);
uint64_t picker_copies_permille(const struct picker *p);

#endif
