/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The piece picker: which blocks to request next. Rarest first with random ties, partial pieces
 * first, random first pieces, sequential mode, priorities, and the endgame. The picker owns the
 * state of every block of every piece that is under way. It knows peers only by the pieces that
 * they have and by opaque source numbers.
 *
 * A block goes FREE → REQUESTED (from one peer, in the endgame from several) → WRITING → STORED.
 * When all blocks of a piece are STORED, the owner checks the piece, and it goes to HAVE, or back.
 */
#ifndef PEER_CORE_PICKER_H
#define PEER_CORE_PICKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/rng.h"
#include "common/ds/bitfield.h"
#include "peer/core/geometry.h"

enum {
    PICKER_RANDOM_FIRST = 4,    /* verified pieces before rarest-first begins (BEP 3 practice) */
    PICKER_ENDGAME_COPIES = 3,  /* most peers that are asked for one block */
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
    bool exclusive;              /* for a fast peer: prefer pieces of which no other peer is
                                    asked for blocks */
    uint32_t peer;               /* number of the asking peer, as in picker_writing(): for
                                    |exclusive| */
    const uint32_t *hints;       /* suggested pieces (BEP 6): they come first among equals */
    uint32_t hint_count;
    const struct bitfield *only; /* if not NULL: restricts the choice to these pieces (allowed
                                    fast) */
};

struct picker;

/* All pieces missing, normal priority, availability 0. NULL when memory is out. |rng| must outlive
 * the picker. */
struct picker *picker_new(const struct geometry *g, struct rng *rng);
void picker_free(struct picker *p);

/* Availability: a peer with these pieces came or left, or a peer has one piece more or less (BEP
 * 54). The calls for each peer must add up. */
void picker_add_peer(struct picker *p, const struct bitfield *has);
void picker_remove_peer(struct picker *p, const struct bitfield *has);
void picker_add_have(struct picker *p, uint32_t piece);
void picker_remove_have(struct picker *p, uint32_t piece);

/* Priorities; PICKER_PRIORITY_SKIP: the piece is not wanted. A piece can be had and skipped. */
void picker_set_priority(struct picker *p, uint32_t piece, unsigned priority);
unsigned picker_priority(const struct picker *p, uint32_t piece);

/* The piece is verified: we have it. */
void picker_have(struct picker *p, uint32_t piece);
const struct bitfield *picker_bitfield(const struct picker *p);

/* Holds a piece that can't be checked yet (its piece layer is missing): it is not picked. */
void picker_hold(struct picker *p, uint32_t piece, bool held);

/* Is the piece wanted and missing, and does it have blocks to request? */
bool picker_wants(const struct picker *p, uint32_t piece);

/* The piece failed its check, and the peer that sent the bad block is unknown. Until the piece is
 * verified, its blocks are requested from one peer as long as that peer serves them, so that the
 * next bad copy usually has one culprit. Otherwise a few bad peers among many slow ones spoil every
 * copy. */
void picker_solo(struct picker *p, uint32_t piece);
/* The peer has no request out any more and takes no others for now: other peers may continue the
 * pieces that it alone was asked for. */
void picker_leave(struct picker *p, uint32_t peer);

/* True if |has| contains a piece that is wanted and missing: are we interested? */
bool picker_interested(const struct picker *p, const struct bitfield *has);

/* Chooses up to |max| blocks for a peer that has |has|, marks them requested, and returns their
 * number. Pieces under way come first, so that few pieces are open at a time. */
uint32_t picker_pick(struct picker *p, const struct bitfield *has, const struct picker_options *opt,
                     struct picker_block *out, uint32_t max);

/* In the endgame, marks a block as requested from |peer| too. False if the block is not requested
 * from any peer, or already from PICKER_ENDGAME_COPIES. The caller chooses block and peer. */
bool picker_pick_again(struct picker *p, uint32_t piece, uint32_t block, uint32_t peer);

/* Ends one request for the block (cancelled, rejected, timed out, peer left). No effect if the
 * block came meanwhile. */
void picker_abort(struct picker *p, uint32_t piece, uint32_t block);

/* The block came from source |from| and goes to disk, whether it was requested or not. This ends
 * all requests for it: call picker_requests() before to find out whether there are others to
 * cancel, and do not abort them. False, without a change, if the block is not wanted any more (it
 * came already, or the piece is had or skipped) or memory is out: then drop its bytes. */
bool picker_writing(struct picker *p, uint32_t piece, uint32_t block, uint32_t from);

/* The block is on disk. True if it was the last one, and the piece is ready to be checked. */
bool picker_stored(struct picker *p, uint32_t piece, uint32_t block);

/* The block (or all blocks of the piece) failed a check or could not be written: WRITING and STORED
 * become FREE again, and the source is forgotten. */
void picker_block_bad(struct picker *p, uint32_t piece, uint32_t block);
void picker_piece_bad(struct picker *p, uint32_t piece);

/* The number of requests in flight for the block (0 to PICKER_ENDGAME_COPIES). */
unsigned picker_requests(const struct picker *p, uint32_t piece, uint32_t block);

/* The source of a WRITING or STORED block; UINT32_MAX if unknown. */
uint32_t picker_source(const struct picker *p, uint32_t piece, uint32_t block);

/* Finds the next piece under way, in piece order; false if there is none at or after |*piece|. */
bool picker_next_partial(const struct picker *p, uint32_t *piece);

/* Bytes of a piece under way that are STORED. */
uint32_t picker_partial_bytes(const struct picker *p, uint32_t piece);

/* The number of wanted and missing pieces; 0: the download is complete. A piece without any block
 * to request (pads only) counts until picker_have() is called for it, but is never picked and does
 * not count for picker_interested(). */
uint32_t picker_missing(const struct picker *p);

/* True if pieces are missing and every obtainable block of them is at least requested. Blocks that
 * no peer has don't count; pieces on hold do. */
bool picker_endgame(const struct picker *p);

/* The number of peers that have the piece; and the distributed copies of the connected peers, ours
 * left out: the smallest availability times 1000, plus the per mille of pieces above it (as
 * libtorrent computes them). */
uint32_t picker_availability(const struct picker *p, uint32_t piece);
uint64_t picker_copies_permille(const struct picker *p);

#endif
