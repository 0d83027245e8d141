/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What happens to a piece that failed its check: the search for the peer that sent a bad block. The
 * true leaves of a v2 torrent show the bad blocks if some peer has them; else a later good copy
 * shows them. Their sender is banned, and as few blocks as possible are fetched again.
 */
#include "peer/core/swarm_convict.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_download.h"
#include "peer/core/swarm_fx.h"
#include "peer/core/swarm_hash.h"
#include "peer/core/swarm_leaves.h"
#include "peer/core/swarm_pieces.h"
#include "peer/core/swarm_suspect.h"

enum { CONVICT_TIMEOUT_MS = 3 * HASH_TIMEOUT_MS };

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
reset(struct swarm *s, struct swarm_piece *op)
{
    uint32_t piece = op->piece;

    for (uint32_t b = 0; b < op->blocks; b++)
        s->totals.wasted += geometry_block_len(&s->geo, piece, b);
    pieces_remove(s, op);
    picker_piece_bad(s->picker, piece);
    download_fill_all(s);
}

/* No peer sends the true leaves. If one peer sent the whole piece, it is to blame; else the next
 * good copy will show who is. */
static void
give_up(struct swarm *s, struct swarm_piece *op)
{
    uint32_t culprit = only_source(s, op);

    if (culprit != UINT32_MAX) {
        reset(s, op);
        peer_ban(s, culprit, SPRAT_E_HASH);
        return;
    }
    picker_solo(s->picker, op->piece);
    if (op->leaves != NULL) {
        suspect_add(s, op->piece, op->leaves, op->blocks);
        reset(s, op);
    } else {
        piece_set_state(s, op, PIECE_SNAPSHOT);
        if (!leaves_read(s, op->piece))
            reset(s, op);
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
        give_up(s, op);
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
        give_up(s, op); /* the leaves never came, or the cache has dropped them */
    else
        piece_set_state(s, op, PIECE_OPEN);
    for (uint32_t i = 0; i < n; i++)
        peer_ban(s, guilty[i], SPRAT_E_HASH);
    free(guilty);
    download_fill_all(s);
}

void
convict_begin(struct swarm *s, struct swarm_piece *op)
{
    s->totals.hash_failures++;
    fx_notice(s, SWARM_NOTICE_PIECE_FAILED, op->piece, SPRAT_E_HASH);
    if (op->leaves == NULL) {
        give_up(s, op);
        return;
    }
    piece_set_state(s, op, PIECE_CONVICTING);
    if (!hash_ask_leaves(s, op->piece))
        convict(s, op);
}

void
convict_on_true_leaves(struct swarm *s, uint32_t piece)
{
    struct swarm_piece *op = pieces_find(s, piece);

    if (op != NULL && op->state == PIECE_CONVICTING)
        convict(s, op);
}

static void
ask_again(struct swarm *s, struct swarm_piece *op)
{
    if (mono_diff_ms(s->clock.now, op->since) > CONVICT_TIMEOUT_MS ||
        !hash_ask_leaves(s, op->piece))
        convict(s, op);
}

void
convict_tick(struct swarm *s)
{
    LIST_EACH_SAFE (it, &s->pieces.list) {
        struct swarm_piece *op = LIST_ENTRY(it, struct swarm_piece, link);

        if (op->state == PIECE_CONVICTING)
            ask_again(s, op);
    }
}

void
convict_on_leaves(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t n, int err)
{
    struct swarm_piece *op = pieces_find(s, piece);

    if (op != NULL && op->state == PIECE_SNAPSHOT) {
        if (err == 0)
            suspect_add(s, piece, leaves, n);
        reset(s, op);
    } else if (err == 0 && bitfield_get(picker_bitfield(s->picker), piece)) {
        suspect_judge(s, piece, leaves);
    }
}
