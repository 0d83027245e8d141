/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers to hash requests of peers (BEP 52). A node has one of three sources: below a piece's hash
 * it is computed from the piece's leaves, in the piece layer it is stored, and above it is computed
 * from the layer or, higher up, from the layer's crowns, so that no request costs much.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/codec/merkle.h"
#include "peer/core/hashtree.h"
#include "peer/core/hashtree_impl.h"

enum {
    HASH_LEN = 32,
    CROWN_LOG = 3, /* crowns hold every third layer above the pieces */
    CROWN = 1 << CROWN_LOG,
};

/* The sources of an answer. */
struct serving {
    struct hashtree *t;
    const struct wire_hash_request *req;
    const struct bitfield *have;
    struct tree_spot tree;
};

/* The number of known hashes from which one node of layer |base| is computed. */
static uint64_t
work_of_node(const struct tree_spot *tree, unsigned base)
{
    return (uint64_t)1 << (base < tree->piece_height ? base
                                                     : (base - tree->piece_height) % CROWN_LOG);
}

/* A length is a power of two ≥ 2, or the rest of one at the end of the layer (BEP 52). */
static bool
is_length(const struct tree_spot *tree, const struct wire_hash_request *req)
{
    uint64_t nodes = ((tree->blocks - 1) >> req->base_layer) + 1;

    return (req->length >= 2 && (req->length & (req->length - 1)) == 0) ||
           (uint64_t)req->index + req->length == nodes;
}

/* True if we answer the request: it is inside the tree, aligned, and not too much work. */
static bool
is_sane(const struct tree_spot *tree, const struct wire_hash_request *req)
{
    uint64_t work;
    unsigned own;

    if (req->length == 0 || req->length > HASHTREE_SERVE_MAX || req->base_layer >= tree->height ||
        req->proof_layers >= tree->height - req->base_layer || !is_length(tree, req))
        return false;
    own = merkle_log2(req->length);
    if ((req->index & (((uint32_t)1 << own) - 1)) != 0 ||
        (uint64_t)req->index + req->length > (uint64_t)1 << (tree->height - req->base_layer))
        return false;
    work = req->length * work_of_node(tree, req->base_layer);
    if (work > HASHTREE_WORK_MAX)
        return false;
    /* Leaves have to be read from disk: those of one piece, however large, or at most as many as we
     * send. */
    return req->base_layer >= tree->piece_height || work <= HASHTREE_SERVE_MAX ||
           work <= (uint64_t)1 << tree->piece_height;
}

/* A piece that we have with the same content as piece |index| of the tree, in any file with the
 * same root. UINT32_MAX if there is none. */
static uint32_t
find_had(const struct serving *s, uint32_t index)
{
    const struct metainfo_file *files = s->t->g->mi->files;
    uint32_t i = hashtree_lower_bound(s->t, s->req->root);

    for (; i < s->t->by_root_count; i++) {
        const struct metainfo_file *f = &files[s->t->by_root[i]];

        if (f->length != s->tree.file->length || memcmp(f->root, s->req->root, HASH_LEN) != 0)
            break;
        if (bitfield_get(s->have, f->first_piece + index))
            return f->first_piece + index;
    }
    return UINT32_MAX;
}

/* Checks that the cache holds all leaves that the answer needs. If not, returns SPRAT_E_AGAIN with
 * the piece to read, or SPRAT_E_NOTFOUND if we do not have it. */
static int
need_leaves(const struct serving *s, uint32_t *piece)
{
    struct tree_spot spot = s->tree;
    unsigned down = spot.piece_height - s->req->base_layer;
    uint64_t first = s->req->index >> down;
    uint64_t last = ((uint64_t)s->req->index + s->req->length - 1) >> down;

    for (uint64_t i = first; i <= last && i << spot.piece_height < spot.blocks; i++) {
        const struct leafset *set;

        spot.index = (uint32_t)i;
        set = leafcache_find(&s->t->cache, hashtree_cache_key(&spot));
        if (set != NULL && leafset_first_unknown(set) == set->count) {
            leafcache_touch(&s->t->cache, set->piece);
            continue;
        }
        *piece = find_had(s, spot.index);
        return *piece == UINT32_MAX ? SPRAT_E_NOTFOUND : SPRAT_E_AGAIN;
    }
    return 0;
}

/* The root over the nodes [first, first + 2^height) of |count| nodes on |layer|; pads where there
 * is no node. */
static void
node_over(const uint8_t *nodes, uint64_t count, uint64_t first, unsigned layer, unsigned height,
          uint8_t out[32])
{
    uint64_t n = (uint64_t)1 << height;

    if (first >= count) {
        merkle_pad(layer + height, out);
        return;
    }
    if (n > count - first)
        n = count - first;
    /* The arguments are valid, so it cannot fail. */
    (void)merkle_root(nodes + first * HASH_LEN, n, layer, height, out);
}

/* Computes a node below its piece's hash. */
static int
lower_node(const struct serving *s, unsigned layer, uint64_t index, uint8_t out[32])
{
    struct tree_spot spot = s->tree;
    unsigned down = spot.piece_height - layer;
    uint64_t piece = index >> down;
    const struct leafset *set;

    if (piece << spot.piece_height >= spot.blocks) {
        merkle_pad(layer, out);
        return 0;
    }
    spot.index = (uint32_t)piece;
    set = leafcache_find(&s->t->cache, hashtree_cache_key(&spot));
    if (set == NULL)
        return SPRAT_E_NOTFOUND;
    node_over(set->leaves, set->count, (index - (piece << down)) << layer, 0, layer, out);
    return 0;
}

/* The nodes |rows| crown layers above the pieces: their number, and the index of the first. */
static uint64_t
crown_row(const struct piece_layer *layer, unsigned rows, const uint8_t **nodes)
{
    uint64_t count = layer->pieces;
    const uint8_t *at = layer->crowns;

    *nodes = layer->hashes;
    for (unsigned i = 0; i < rows; i++) {
        count = (count - 1) / CROWN + 1;
        *nodes = at;
        at += count * HASH_LEN;
    }
    return count;
}

static int
make_crowns(const struct serving *s)
{
    struct piece_layer *layer = s->tree.layer;
    uint64_t sum = 0;
    uint8_t *dst;

    if (layer->crowns != NULL)
        return 0;
    for (uint64_t n = layer->pieces; n > 1;)
        sum += n = (n - 1) / CROWN + 1;
    layer->crowns = dst = malloc((size_t)sum * HASH_LEN);
    if (dst == NULL)
        return SPRAT_E_NOMEM;
    for (unsigned row = 0; dst < layer->crowns + sum * HASH_LEN; row++) {
        const uint8_t *nodes;
        uint64_t n = crown_row(layer, row, &nodes);

        for (uint64_t i = 0; i < n; i += CROWN, dst += HASH_LEN)
            node_over(nodes, n, i, s->tree.piece_height + row * CROWN_LOG, CROWN_LOG, dst);
    }
    return 0;
}

/* Computes a piece's hash or a node above; the tree has more than one piece. */
static int
upper_node(const struct serving *s, unsigned layer, uint64_t index, uint8_t out[32])
{
    const struct piece_layer *pieces = s->tree.layer;
    unsigned up = layer - s->tree.piece_height, rest;
    const uint8_t *nodes;
    uint64_t count;
    int err;

    if (pieces->hashes == NULL) {
        if (up > 0 || !bitfield_get(&pieces->known, (uint32_t)index))
            return SPRAT_E_NOTFOUND;
        memcpy(out, pieces->own + index * HASH_LEN, HASH_LEN);
        return 0;
    }
    if (up >= CROWN_LOG && (err = make_crowns(s)) != 0)
        return err;
    count = crown_row(pieces, up / CROWN_LOG, &nodes);
    rest = up % CROWN_LOG;
    node_over(nodes, count, index << rest, layer - rest, rest, out);
    return 0;
}

static int
get_node(const struct serving *s, unsigned layer, uint64_t index, uint8_t out[32])
{
    return layer < s->tree.piece_height ? lower_node(s, layer, index, out)
                                        : upper_node(s, layer, index, out);
}

/* Appends the requested hashes, then the uncles from the lowest one up. */
static int
fill(const struct serving *s, uint8_t *dst)
{
    const struct wire_hash_request *req = s->req;
    unsigned own = merkle_log2(req->length);
    uint32_t uncles = hashtree_uncles(req);
    int err = 0;

    for (uint32_t i = 0; i < req->length && err == 0; i++, dst += HASH_LEN)
        err = get_node(s, req->base_layer, (uint64_t)req->index + i, dst);
    for (uint32_t i = 0; i < uncles && err == 0; i++, dst += HASH_LEN)
        err = get_node(s, req->base_layer + own + i, (req->index >> own >> i) ^ 1, dst);
    return err;
}

bool
hashtree_cost(const struct hashtree *t, const struct wire_hash_request *req,
              struct hashtree_cost *cost)
{
    struct tree_spot tree;
    uint64_t uncles, made_from;

    if (!hashtree_find_root(t, req->root, &tree) || !is_sane(&tree, req))
        return false;
    uncles = hashtree_uncles(req);
    made_from = req->length * work_of_node(&tree, req->base_layer) + uncles * CROWN;
    if (req->base_layer < tree.piece_height)
        made_from += (uint64_t)1 << tree.piece_height; /* uncles below a piece's hash need the
                                                          whole piece */
    cost->sent = (req->length + uncles) * HASH_LEN;
    cost->work = cost->sent + made_from * HASH_LEN;
    return true;
}

int
hashtree_serve(struct hashtree *t, const struct wire_hash_request *req, const struct bitfield *have,
               struct buf *out, uint32_t *piece)
{
    struct serving s = {.t = t, .req = req, .have = have};
    uint8_t *dst;
    size_t len;
    int err = 0;

    *piece = UINT32_MAX;
    if (!hashtree_find_root(t, req->root, &s.tree))
        return SPRAT_E_NOTFOUND;
    if (!is_sane(&s.tree, req))
        return SPRAT_E_INVAL;
    if (req->base_layer < s.tree.piece_height)
        err = need_leaves(&s, piece);
    if (err != 0)
        return err;
    len = ((size_t)req->length + hashtree_uncles(req)) * HASH_LEN;
    dst = buf_room(out, len);
    if (dst == NULL)
        return out->err;
    err = fill(&s, dst);
    if (err == 0)
        buf_grew(out, len);
    return err;
}
