/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our hash requests (BEP 52): which hashes to ask for, and the check of the answers. Only hashes
 * that are proven to reach a known node are kept.
 */
#include <string.h>

#include "common/base/err.h"
#include "common/codec/merkle.h"
#include "peer/core/hashtree.h"
#include "peer/core/hashtree_impl.h"

enum { HASH_LEN = 32 };

_Static_assert(HASHTREE_ASK_MAX == (int)LEAFCACHE_STRETCH,
               "an answer with leaves fills one stretch");

/* A power of two ≥ 2 that covers |n| nodes, but at most HASHTREE_ASK_MAX. BEP 52 requires at least
 * 2: a layer with 512·n + 1 nodes ends in a request for one node and a pad. */
static uint32_t
ask_length(uint64_t n)
{
    unsigned log = merkle_log2(n);

    return log >= merkle_log2(HASHTREE_ASK_MAX) ? HASHTREE_ASK_MAX : log == 0 ? 2 : 1u << log;
}

/* The first part of |layer| that is neither known nor asked for; UINT32_MAX if there is none. */
static uint32_t
next_stretch(const struct piece_layer *layer)
{
    uint32_t stretch = 0;

    if (layer->hashes != NULL)
        return UINT32_MAX;
    while ((stretch = bitfield_next_clear(&layer->asked, stretch)) < layer->asked.nbits) {
        uint32_t first = stretch * HASHTREE_ASK_MAX;

        if (bitfield_next_clear(&layer->known, first) < first + HASHTREE_ASK_MAX)
            return stretch;
        stretch++;
    }
    return UINT32_MAX;
}

bool
hashtree_want_layer(struct hashtree *t, struct wire_hash_request *req)
{
    for (; t->want_at < t->layer_count; t->want_at++) {
        struct piece_layer *layer = &t->layers[t->want_at];
        uint32_t stretch = next_stretch(layer);
        struct tree_spot spot;

        if (stretch == UINT32_MAX)
            continue;
        spot = hashtree_tree(t, layer->file);
        *req = (struct wire_hash_request){
            .base_layer = t->piece_log,
            .index = stretch * HASHTREE_ASK_MAX,
            .length = ask_length(layer->pieces - stretch * HASHTREE_ASK_MAX),
            .proof_layers = spot.height - t->piece_log - 1,
        };
        memcpy(req->root, spot.file->root, HASH_LEN);
        bitfield_set(&layer->asked, stretch);
        return true;
    }
    return false;
}

bool
hashtree_want_leaves(const struct hashtree *t, uint32_t piece, struct wire_hash_request *req)
{
    const struct leafset *set;
    struct tree_spot spot;
    uint32_t leaf = 0;
    unsigned top;

    if (!hashtree_find_piece(t, piece, &spot) || hashtree_piece_blocks(&spot) < 2)
        return false;
    set = leafcache_find(&t->cache, hashtree_cache_key(&spot));
    if (set != NULL)
        leaf = leafset_first_unknown(set);
    /* A leaf beyond the first 64 TiB of a file has no index on the wire. */
    if (leaf == hashtree_piece_blocks(&spot) ||
        ((uint64_t)spot.index << spot.piece_height) + leaf > UINT32_MAX)
        return false;
    top = hashtree_piece_hash(&spot) != NULL ? spot.piece_height : spot.height;
    *req = (struct wire_hash_request){
        .index = (spot.index << spot.piece_height) + leaf,
        .length = ask_length((uint64_t)1 << spot.piece_height),
        .proof_layers = top - 1,
    };
    memcpy(req->root, spot.file->root, HASH_LEN);
    return true;
}

void
hashtree_forget(struct hashtree *t, const struct wire_hash_request *req)
{
    uint32_t stretch = req->index / HASHTREE_ASK_MAX, at;
    struct tree_spot spot;

    if (!hashtree_find_root(t, req->root, &spot) || spot.layer == NULL ||
        req->base_layer != t->piece_log || stretch >= spot.layer->asked.nbits)
        return;
    bitfield_clear(&spot.layer->asked, stretch);
    at = (uint32_t)(spot.layer - t->layers);
    if (at < t->want_at)
        t->want_at = at;
}

/* --- answers --- */

uint32_t
hashtree_uncles(const struct wire_hash_request *req)
{
    /* The requested hashes alone determine |own| layers above theirs. The highest node there has
     * the first uncle, which counts as proof layer own - 1 above the base (BEP 52). */
    unsigned own = merkle_log2(req->length);

    return req->proof_layers + 1 > own ? req->proof_layers + 1 - own : 0;
}

/* An answer with hashes of a piece layer. The pads after the last piece are computed here, not
 * taken from the peer. */
static int
take_layer(struct hashtree *t, const struct tree_spot *spot, const struct wire_hash_request *req,
           const uint8_t *hashes)
{
    unsigned own = merkle_log2(req->length);
    uint32_t uncles = hashtree_uncles(req), n = req->length;
    uint8_t node[HASH_LEN];

    if (req->index >= spot->layer->pieces || t->piece_log + own + uncles != spot->height)
        return SPRAT_E_PROTOCOL;
    if (n > spot->layer->pieces - req->index)
        n = spot->layer->pieces - req->index;
    if (merkle_root(hashes, n, t->piece_log, own, node) != 0)
        return SPRAT_E_PROTOCOL;
    merkle_climb(node, req->index >> own, hashes + (size_t)req->length * HASH_LEN, uncles, node);
    if (memcmp(node, spot->file->root, HASH_LEN) != 0)
        return SPRAT_E_HASH;
    return hashtree_learn(t, spot->layer, req->index, hashes, n);
}

/* Whether |hash| is the hash of the spot's piece: it equals the known one, or the rest of the proof
 * connects it with the root, and then it is kept. */
static int
judge_piece(struct hashtree *t, const struct tree_spot *spot, const uint8_t hash[32],
            const uint8_t *proof, uint32_t uncles)
{
    const uint8_t *known = hashtree_piece_hash(spot);
    uint8_t node[HASH_LEN];

    if (uncles == 0 && known != NULL)
        return memcmp(hash, known, HASH_LEN) == 0 ? 0 : SPRAT_E_HASH;
    if (spot->piece_height + uncles != spot->height)
        return SPRAT_E_PROTOCOL;
    merkle_climb(hash, spot->index, proof, uncles, node);
    if (memcmp(node, spot->file->root, HASH_LEN) != 0)
        return SPRAT_E_HASH;
    return spot->layer != NULL ? hashtree_learn(t, spot->layer, spot->index, hash, 1) : 0;
}

/* An answer with leaves: one stretch of one piece. */
static int
take_leaves(struct hashtree *t, struct tree_spot *spot, const struct wire_hash_request *req,
            const uint8_t *hashes, uint32_t *piece)
{
    const uint8_t *proof = hashes + (size_t)req->length * HASH_LEN;
    unsigned own = merkle_log2(req->length);
    uint32_t uncles = hashtree_uncles(req), blocks, first, inner, n = req->length;
    uint8_t node[HASH_LEN];
    int err;

    spot->index = req->index >> spot->piece_height;
    if (req->index >= spot->blocks || n != ask_length((uint64_t)1 << spot->piece_height))
        return SPRAT_E_PROTOCOL;
    first = req->index - (spot->index << spot->piece_height);
    blocks = hashtree_piece_blocks(spot);
    inner = spot->piece_height - own; /* uncles inside the piece */
    if (uncles < inner)
        return SPRAT_E_PROTOCOL;
    if (n > blocks - first)
        n = blocks - first;
    if (merkle_root(hashes, n, 0, own, node) != 0)
        return SPRAT_E_PROTOCOL;
    merkle_climb(node, req->index >> own, proof, inner, node);
    err = judge_piece(t, spot, node, proof + (size_t)inner * HASH_LEN, uncles - inner);
    if (err == 0)
        err = leafcache_put(&t->cache, hashtree_cache_key(spot), blocks, first, hashes, n);
    if (err == 0)
        *piece = hashtree_cache_key(spot);
    return err;
}

int
hashtree_on_hashes(struct hashtree *t, const struct wire_hash_request *req, const uint8_t *hashes,
                   size_t n, uint32_t *piece)
{
    struct tree_spot spot;

    *piece = UINT32_MAX;
    if (!hashtree_find_root(t, req->root, &spot) || req->length < 2 ||
        req->length > HASHTREE_ASK_MAX || (req->length & (req->length - 1)) != 0 ||
        req->index % req->length != 0 || req->proof_layers > MERKLE_LAYERS_MAX ||
        n != (size_t)req->length + hashtree_uncles(req))
        return SPRAT_E_PROTOCOL;
    if (spot.layer != NULL && req->base_layer == t->piece_log)
        return take_layer(t, &spot, req, hashes);
    if (req->base_layer == 0 && spot.piece_height > 0)
        return take_leaves(t, &spot, req, hashes, piece);
    return SPRAT_E_PROTOCOL;
}
