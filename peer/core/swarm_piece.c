/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A piece from its first stored block to verified, and the search for the peer that sent a bad
 * block. If the piece fails its check, the true leaves of a v2 torrent show the bad blocks if some
 * peer has them; else a later good copy shows them. Their sender is banned, and as few blocks as
 * possible are fetched again.
 */
#include "peer/core/swarm_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

enum { CONVICT_TIMEOUT_MS = 3 * HASH_TIMEOUT_MS };

static bool
piece_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct swarm_piece *op = LIST_ENTRY(node, struct swarm_piece, node);

    return memcmp(&op->piece, key, len) == 0;
}

void
pieces_init(struct swarm *s)
{
    uint64_t seed[2] = {rng_u64(&s->rng), rng_u64(&s->rng)};

    hashmap_init(&s->pieces.map, seed, piece_matches);
    list_init(&s->pieces.list);
    list_init(&s->pieces.suspects);
}

static struct swarm_piece *
piece_find(const struct swarm *s, uint32_t piece)
{
    struct hashmap_node *node = hashmap_find(&s->pieces.map, &piece, sizeof(piece));

    return node != NULL ? LIST_ENTRY(node, struct swarm_piece, node) : NULL;
}

static void
piece_free(struct swarm *s, struct swarm_piece *op)
{
    hashmap_remove(&s->pieces.map, &op->node);
    list_remove(&op->link);
    free(op->leaves);
    free(op);
}

static bool
has_leaves(const struct swarm *s, uint32_t piece)
{
    size_t file;
    uint32_t index;

    return s->tree != NULL && geometry_v2_file(&s->geo, piece, &file, &index);
}

static struct swarm_piece *
piece_open(struct swarm *s, uint32_t piece)
{
    struct swarm_piece *op = piece_find(s, piece);

    if (op != NULL)
        return op;
    op = calloc(1, sizeof(*op));
    if (op == NULL)
        return NULL;
    op->piece = piece;
    op->blocks = geometry_blocks(&s->geo, piece);
    op->since = s->clock.now;
    list_init(&op->link);
    if (has_leaves(s, piece) && (op->leaves = calloc(op->blocks, SHA256_LEN)) == NULL) {
        free(op);
        return NULL;
    }
    if (hashmap_add(&s->pieces.map, &op->node, &op->piece, sizeof(op->piece)) != 0) {
        free(op->leaves);
        free(op);
        return NULL;
    }
    list_push_back(&s->pieces.list, &op->link);
    return op;
}

static void
piece_set_state(struct swarm *s, struct swarm_piece *op, enum piece_state state)
{
    op->state = state;
    op->since = s->clock.now;
}

/* --- suspects: failed pieces that we remember --- */

static void
suspect_free(struct swarm *s, struct suspect *su)
{
    list_remove(&su->link);
    s->pieces.suspect_count--;
    free(su->sources);
    free(su->leaves);
    free(su);
}

static struct suspect *
suspect_find(const struct swarm *s, uint32_t piece)
{
    LIST_EACH(it, &s->pieces.suspects) {
        struct suspect *su = LIST_ENTRY(it, struct suspect, link);

        if (su->piece == piece)
            return su;
    }
    return NULL;
}

void
pieces_fini(struct swarm *s)
{
    LIST_EACH_SAFE(it, &s->pieces.list)
        piece_free(s, LIST_ENTRY(it, struct swarm_piece, link));
    LIST_EACH_SAFE(su, &s->pieces.suspects)
        suspect_free(s, LIST_ENTRY(su, struct suspect, link));
    hashmap_fini(&s->pieces.map);
}

/* Remembers the blocks of a failed piece and their senders. The first failure of a piece counts
 * until it is resolved. When memory is out, nothing is remembered, and no peer is convicted. */
static void
suspect_add(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t blocks)
{
    struct suspect *su;

    if (suspect_find(s, piece) != NULL)
        return;
    if (s->pieces.suspect_count == SUSPECTS_MAX)
        suspect_free(s, LIST_ENTRY(s->pieces.suspects.next, struct suspect, link));
    su = calloc(1, sizeof(*su));
    if (su == NULL)
        return;
    list_init(&su->link);
    list_push_back(&s->pieces.suspects, &su->link);
    s->pieces.suspect_count++;
    su->piece = piece;
    su->blocks = blocks;
    su->sources = calloc(blocks, sizeof(*su->sources));
    su->leaves = malloc((size_t)blocks * SHA256_LEN);
    if (su->sources == NULL || su->leaves == NULL) {
        suspect_free(s, su);
        return;
    }
    memcpy(su->leaves, leaves, (size_t)blocks * SHA256_LEN);
    for (uint32_t b = 0; b < blocks; b++)
        su->sources[b] = picker_source(s->picker, piece, b);
}

/* The piece is verified and has these leaves: every peer that sent a different block before is
 * banned. */
static void
suspect_judge(struct swarm *s, struct suspect *su, const uint8_t *leaves)
{
    for (uint32_t b = 0; b < su->blocks; b++)
        if (memcmp(su->leaves + (size_t)b * SHA256_LEN, leaves + (size_t)b * SHA256_LEN,
                   SHA256_LEN) != 0)
            peer_ban(s, su->sources[b], SPRAT_E_HASH);
    suspect_free(s, su);
}

/* --- verified --- */

/* Peers that have the piece get the HAVE too: they count copies, and notice when we become a
 * seed. */
static void
tell_have(struct swarm *s, uint32_t piece)
{
    uint32_t iter = 0;
    struct swarm_peer *p;

    while ((p = slotmap_next(&s->peers, &iter)) != NULL) {
        if (p->state != PEER_UP)
            continue;
        fx_send(s, p, WIRE_HAVE)->piece = piece;
        if (p->down.interested && bitfield_get(&p->has, piece))
            download_update_interest(s, p);
    }
}

static void
tell_upload_only(struct swarm *s, struct swarm_peer *p, bool value)
{
    struct wire_msg msg = {.type = WIRE_EXTENDED, .ext_id = p->ext.ids[EXTMSG_UPLOAD_ONLY]};
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
    while ((p = slotmap_next(&s->peers, &iter)) != NULL)
        if (p->state == PEER_UP && room_keep(s, p))
            tell_upload_only(s, p, upload_only);
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
    struct suspect *su = suspect_find(s, piece);

    picker_have(s->picker, piece);
    s->totals.have += geometry_data(&s->geo, piece);
    fx_push(s, SWARM_FX_PIECE_DONE, SLOT_NONE)->u.range.piece = piece;
    tell_have(s, piece);
    if (su != NULL && op->leaves != NULL)
        suspect_judge(s, su, op->leaves);
    else if (su != NULL)
        piece_read_leaves(s, piece);
    piece_free(s, op);
    check_complete(s);
}

/* --- failed --- */

/* The peer that sent all blocks of the piece; UINT32_MAX if there were several. */
static uint32_t
only_source(const struct swarm *s, const struct swarm_piece *op)
{
    uint32_t first = op->blocks > 0 ? picker_source(s->picker, op->piece, 0) : UINT32_MAX;

    for (uint32_t b = 1; b < op->blocks; b++)
        if (picker_source(s->picker, op->piece, b) != first)
            return UINT32_MAX;
    return first;
}

/* All blocks of the piece are fetched again. */
static void
piece_reset(struct swarm *s, struct swarm_piece *op)
{
    uint32_t piece = op->piece;

    for (uint32_t b = 0; b < op->blocks; b++)
        s->totals.wasted += geometry_block_len(&s->geo, piece, b);
    piece_free(s, op);
    picker_piece_bad(s->picker, piece);
    download_fill_all(s);
}

/* No peer sends the true leaves. If one peer sent the whole piece, it is to blame; else the next
 * good copy will show who is. */
static void
piece_give_up(struct swarm *s, struct swarm_piece *op)
{
    uint32_t culprit = only_source(s, op);

    if (culprit != UINT32_MAX) {
        piece_reset(s, op);
        peer_ban(s, culprit, SPRAT_E_HASH);
        return;
    }
    picker_solo(s->picker, op->piece);
    if (op->leaves != NULL) {
        suspect_add(s, op->piece, op->leaves, op->blocks);
        piece_reset(s, op);
    } else {
        piece_set_state(s, op, PIECE_SNAPSHOT);
        if (!piece_read_leaves(s, op->piece))
            piece_reset(s, op);
    }
}

/* Bans the sender of each block that differs from its true leaf; the other blocks stay. */
static void
convict(struct swarm *s, struct swarm_piece *op)
{
    uint32_t piece = op->piece, blocks = op->blocks;
    uint32_t *guilty = malloc(blocks * sizeof(*guilty));
    uint32_t n = 0;

    if (guilty == NULL) {
        piece_give_up(s, op);
        return;
    }
    for (uint32_t b = 0; b < blocks; b++) {
        uint8_t leaf[SHA256_LEN];

        if (!hashtree_leaf(s->tree, piece, b, leaf) ||
            memcmp(leaf, op->leaves + (size_t)b * SHA256_LEN, SHA256_LEN) == 0)
            continue;
        guilty[n++] = picker_source(s->picker, piece, b);
        s->totals.wasted += geometry_block_len(&s->geo, piece, b);
        picker_block_bad(s->picker, piece, b);
    }
    if (n == 0)
        piece_give_up(s, op); /* the leaves never came, or the cache has dropped them */
    else
        piece_set_state(s, op, PIECE_OPEN);
    for (uint32_t i = 0; i < n; i++)
        peer_ban(s, guilty[i], SPRAT_E_HASH);
    free(guilty);
    download_fill_all(s);
}

static void
piece_failed(struct swarm *s, struct swarm_piece *op)
{
    s->totals.hash_failures++;
    fx_notice(s, SWARM_NOTICE_PIECE_FAILED, op->piece, SPRAT_E_HASH);
    if (op->leaves == NULL) {
        piece_give_up(s, op);
        return;
    }
    piece_set_state(s, op, PIECE_CONVICTING);
    if (!hash_ask_leaves(s, op->piece))
        convict(s, op);
}

void
piece_on_true_leaves(struct swarm *s, uint32_t piece)
{
    struct swarm_piece *op = piece_find(s, piece);

    if (op != NULL && op->state == PIECE_CONVICTING)
        convict(s, op);
}

static void
piece_ask_again(struct swarm *s, struct swarm_piece *op)
{
    if (mono_diff_ms(s->clock.now, op->since) > CONVICT_TIMEOUT_MS ||
        !hash_ask_leaves(s, op->piece))
        convict(s, op);
}

void
piece_tick(struct swarm *s)
{
    LIST_EACH_SAFE(it, &s->pieces.list) {
        struct swarm_piece *op = LIST_ENTRY(it, struct swarm_piece, link);

        if (op->state == PIECE_CONVICTING)
            piece_ask_again(s, op);
    }
}

/* --- checking --- */

static void
verify_v1(struct swarm *s, struct swarm_piece *op)
{
    piece_set_state(s, op, PIECE_VERIFYING);
    s->load.verifies++;
    fx_push(s, SWARM_FX_VERIFY, SLOT_NONE)->u.range.piece = op->piece;
}

/* All blocks are stored. In a hybrid both hashes must match. */
static void
piece_ready(struct swarm *s, struct swarm_piece *op)
{
    if (op->leaves != NULL && hashtree_check(s->tree, op->piece, op->leaves, op->blocks) != 0)
        piece_failed(s, op);
    else if (s->mi->id.has_v1)
        verify_v1(s, op);
    else
        piece_good(s, op);
}

/* A disk error: requests nothing until the next START; verified pieces stay. */
static void
disk_error(struct swarm *s, uint32_t piece, int err)
{
    if (s->load.disk_failed)
        return;
    s->load.disk_failed = true;
    fx_notice(s, SWARM_NOTICE_DISK_ERROR, piece, err);
}

void
piece_retry(struct swarm *s)
{
    LIST_EACH_SAFE(it, &s->pieces.list) {
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
            piece_find(s, i) != NULL)
            continue;
        op = piece_open(s, i);
        if (op != NULL)
            piece_ready(s, op);
    }
}

static void
block_stored(struct swarm *s, const struct swarm_input *in)
{
    uint32_t piece = in->u.written.piece, block = in->u.written.begin / BLOCK_LEN;
    struct swarm_piece *op = piece_open(s, piece);

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

    ASSERT(s->load.writes > 0);
    s->load.writes--;
    block_drop(in->u.written.block);
    if (in->u.written.err == 0) {
        block_stored(s, in);
    } else if (in->u.written.err == SPRAT_E_HASH) {
        block_bad(s, piece, block);
    } else {
        picker_block_bad(s->picker, piece, block);
        disk_error(s, piece, in->u.written.err);
    }
    if (s->load.writes == SWARM_WRITES_MAX / 2)
        download_fill_all(s);
}

void
piece_on_verified(struct swarm *s, uint32_t piece, int err)
{
    struct swarm_piece *op = piece_find(s, piece);

    ASSERT(s->load.verifies > 0);
    s->load.verifies--;
    if (op == NULL || op->state != PIECE_VERIFYING)
        return;
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
        swarm_pause(s);
    } else {
        piece_failed(s, op);
    }
}

/* --- leaves read from disk --- */

static bool
is_reading(const struct swarm *s, uint32_t piece)
{
    for (uint32_t i = 0; i < s->pieces.reading_count; i++)
        if (s->pieces.reading[i].piece == piece)
            return true;
    return false;
}

static bool
begin_reading(struct swarm *s, uint32_t piece, bool serves)
{
    if (s->pieces.reading_count == LEAF_READS_MAX)
        return false;
    s->pieces.reading[s->pieces.reading_count++] = (struct leaf_read){piece, serves};
    s->pieces.serving += serves;
    fx_push(s, SWARM_FX_LEAVES, SLOT_NONE)->u.range.piece = piece;
    return true;
}

bool
piece_read_leaves(struct swarm *s, uint32_t piece)
{
    return is_reading(s, piece) || begin_reading(s, piece, false);
}

bool
piece_read_leaves_for(struct swarm *s, uint32_t piece, const struct swarm_peer *p)
{
    uint64_t bytes = geometry_data(&s->geo, piece);

    if (is_reading(s, piece))
        return true;
    if (s->pieces.serving == LEAF_SERVES_MAX ||
        !sitebudget_fits(s->load.sites, SITEBUDGET_READS, &p->addr, bytes, s->clock.now) ||
        !begin_reading(s, piece, true))
        return false;
    sitebudget_charge(s->load.sites, SITEBUDGET_READS, &p->addr, bytes);
    return true;
}

static void
forget_reading(struct swarm *s, uint32_t piece)
{
    for (uint32_t i = 0; i < s->pieces.reading_count; i++) {
        if (s->pieces.reading[i].piece != piece)
            continue;
        s->pieces.serving -= s->pieces.reading[i].serves;
        s->pieces.reading[i] = s->pieces.reading[--s->pieces.reading_count];
        return;
    }
}

void
piece_on_leaves(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t n, int err)
{
    struct swarm_piece *op = piece_find(s, piece);
    struct suspect *su = suspect_find(s, piece);

    forget_reading(s, piece);
    if (err == 0 && n != geometry_blocks(&s->geo, piece))
        err = SPRAT_E_INVAL;
    if (op != NULL && op->state == PIECE_SNAPSHOT) {
        if (err == 0)
            suspect_add(s, piece, leaves, n);
        piece_reset(s, op);
    } else if (su != NULL && err == 0 && bitfield_get(picker_bitfield(s->picker), piece)) {
        suspect_judge(s, su, leaves);
    }
    if (s->tree == NULL)
        return;
    if (err == 0)
        err = hashtree_check(s->tree, piece, leaves, n);
    hash_on_leaves(s, piece, err);
}
