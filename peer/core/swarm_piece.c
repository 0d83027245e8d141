/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A piece from its last stored block to verified, and what its peers are told then.
 */
#include "peer/core/swarm_piece.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_convict.h"
#include "peer/core/swarm_download.h"
#include "peer/core/swarm_fx.h"
#include "peer/core/swarm_hash.h"
#include "peer/core/swarm_leaves.h"
#include "peer/core/swarm_offer.h"
#include "peer/core/swarm_pieces.h"
#include "peer/core/swarm_room.h"
#include "peer/core/swarm_suspect.h"

/* Peers that have the piece get the HAVE too: they count copies, and notice when we become a
 * seed. */
static void
tell_have(struct swarm *s, uint32_t piece)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = peers_next(s, &iter)) != NULL) {
        if (p->at.state != PEER_UP)
            continue;
        fx_send(s, p, WIRE_HAVE)->piece = piece;
        if (p->down.interested && bitfield_get(&p->has, piece))
            download_update_interest(s, p);
    }
}

static void
tell_upload_only(struct swarm *s, struct swarm_peer *p, bool value)
{
    struct wire_msg msg = {.type = WIRE_EXTENDED, .ext_id = p->at.ext.ids[EXTMSG_UPLOAD_ONLY]};
    struct buf buf;

    if (msg.ext_id == 0)
        return;
    buf_init(&buf, 1);
    if (buf_put_u8(&buf, value) == 0)
        fx_send_buf(s, p, &msg, &buf);
    buf_fini(&buf);
}

void
piece_wishes_changed(struct swarm *s)
{
    bool upload_only = picker_missing(s->picker) == 0;
    uint32_t iter = 0;
    struct swarm_peer *p;

    if (upload_only == s->totals.upload_only)
        return;
    s->totals.upload_only = upload_only;
    while ((p = peers_next(s, &iter)) != NULL)
        if (p->at.state == PEER_UP) {
            room_review(s, p);
            tell_upload_only(s, p, upload_only);
        }
}

/* No wanted piece is missing: announces upload_only (BEP 21) and closes connections to other
 * seeds. */
static void
check_complete(struct swarm *s)
{
    if (s->totals.told_complete || picker_missing(s->picker) > 0)
        return;
    s->totals.told_complete = true;
    if (swarm_is_seed(s))
        announcer_completed(s->announcer, s->clock.now);
    offer_begin(s);
    fx_notice(s, SWARM_NOTICE_COMPLETE, 0, 0);
    piece_wishes_changed(s);
}

static void
piece_good(struct swarm *s, struct swarm_piece *op)
{
    uint32_t piece = op->piece;

    picker_have(s->picker, piece);
    s->totals.have += geometry_data(&s->geo, piece);
    fx_push(s, SWARM_FX_PIECE_DONE, SLOT_NONE)->u.range.piece = piece;
    tell_have(s, piece);
    if (op->leaves != NULL)
        suspect_judge(s, piece, op->leaves);
    else if (suspect_has(s, piece))
        leaves_read(s, piece);
    pieces_remove(s, op);
    check_complete(s);
}

/* --- checking --- */

static void
verify_v1(struct swarm *s, struct swarm_piece *op)
{
    piece_set_state(s, op, PIECE_VERIFYING);
    s->pieces.verifies++;
    fx_push(s, SWARM_FX_VERIFY, SLOT_NONE)->u.range.piece = op->piece;
}

/* All blocks are stored. In a hybrid both hashes must match. */
static void
piece_ready(struct swarm *s, struct swarm_piece *op)
{
    if (op->leaves != NULL && hashtree_check(s->tree, op->piece, op->leaves, op->blocks) != 0)
        convict_begin(s, op);
    else if (s->mi->id.has_v1)
        verify_v1(s, op);
    else
        piece_good(s, op);
}

/* A disk error: requests nothing until the next START; verified pieces stay. */
static void
disk_error(struct swarm *s, uint32_t piece, int err)
{
    if (s->pieces.disk_failed)
        return;
    s->pieces.disk_failed = true;
    fx_notice(s, SWARM_NOTICE_DISK_ERROR, piece, err);
}

void
piece_retry(struct swarm *s)
{
    LIST_EACH_SAFE (it, &s->pieces.list) {
        struct swarm_piece *op = LIST_ENTRY(it, struct swarm_piece, link);

        if (op->state == PIECE_STUCK)
            piece_ready(s, op);
    }
}

void
piece_check_empty(struct swarm *s)
{
    if (s->geo.data_len == NULL)
        return;
    for (uint32_t i = 0; i < s->geo.piece_count; i++) {
        struct swarm_piece *op;

        if (geometry_data(&s->geo, i) > 0 || bitfield_get(picker_bitfield(s->picker), i) ||
            pieces_find(s, i) != NULL)
            continue;
        op = pieces_add(s, i);
        if (op != NULL)
            piece_ready(s, op);
    }
}

static void
block_stored(struct swarm *s, const struct swarm_input *in)
{
    uint32_t piece = in->u.written.piece, block = in->u.written.begin / BLOCK_LEN;
    struct swarm_piece *op = pieces_add(s, piece);

    if (op == NULL) {
        picker_block_bad(s->picker, piece, block);
        return;
    }
    if (op->leaves != NULL)
        memcpy(op->leaves + (size_t)block * SHA256_LEN, in->u.written.leaf, SHA256_LEN);
    if (picker_stored(s->picker, piece, block))
        piece_ready(s, op);
}

/* The block failed its known leaf, and was not written. */
static void
block_bad(struct swarm *s, uint32_t piece, uint32_t block)
{
    uint32_t source = picker_source(s->picker, piece, block);

    s->totals.wasted += geometry_block_len(&s->geo, piece, block);
    picker_block_bad(s->picker, piece, block);
    peer_ban(s, source, SPRAT_E_HASH);
}

void
piece_on_written(struct swarm *s, const struct swarm_input *in)
{
    uint32_t piece = in->u.written.piece, block = in->u.written.begin / BLOCK_LEN;

    ASSERT(s->pieces.writes > 0);
    s->pieces.writes--;
    block_drop(in->u.written.block);
    if (in->u.written.err == 0) {
        block_stored(s, in);
    } else if (in->u.written.err == SPRAT_E_HASH) {
        block_bad(s, piece, block);
    } else {
        picker_block_bad(s->picker, piece, block);
        disk_error(s, piece, in->u.written.err);
    }
    if (s->pieces.writes == SWARM_WRITES_MAX / 2)
        download_fill_all(s);
}

int
piece_on_verified(struct swarm *s, uint32_t piece, int err)
{
    struct swarm_piece *op = pieces_find(s, piece);

    ASSERT(s->pieces.verifies > 0);
    s->pieces.verifies--;
    if (op == NULL || op->state != PIECE_VERIFYING)
        return 0;
    if (err == 0) {
        piece_good(s, op);
    } else if (err != SPRAT_E_HASH) {
        piece_set_state(s, op, PIECE_STUCK);
        disk_error(s, piece, err);
    } else if (op->leaves != NULL) {
        /* One of a hybrid's two hashes must be wrong for this data. */
        piece_set_state(s, op, PIECE_STUCK);
        if (s->state == SWARM_ACTIVE)
            fx_notice(s, SWARM_NOTICE_MISMATCH, piece, SPRAT_E_MISMATCH);
        return SPRAT_E_MISMATCH;
    } else {
        convict_begin(s, op);
    }
    return 0;
}

void
piece_on_leaves(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t n, int err)
{
    leaves_on_read(s, piece);
    if (err == 0 && n != geometry_blocks(&s->geo, piece))
        err = SPRAT_E_INVAL;
    convict_on_leaves(s, piece, leaves, n, err);
    if (s->tree == NULL)
        return;
    if (err == 0)
        err = hashtree_check(s->tree, piece, leaves, n);
    hash_on_leaves(s, piece, err);
}
