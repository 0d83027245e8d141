/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The known hashes of the trees. They come from three sources: answers of peers, which must reach a
 * known node; leaves that we computed, which must reach the piece's hash; and stored layers, which
 * must reach the root. A set of hashes that does not is dropped as a whole.
 */
#include "peer/core/hashtree.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/codec/merkle.h"
#include "peer/core/hashtree_impl.h"

enum { HASH_LEN = 32 };

/* --- construction --- */

/* By root, then length (longest first), then index in the metainfo. */
static int
compare_files(const void *a, const void *b, void *arg)
{
    const struct metainfo_file *files = arg;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    int order = memcmp(files[i].root, files[k].root, HASH_LEN);

    if (order != 0)
        return order;
    if (files[i].length != files[k].length)
        return files[i].length > files[k].length ? -1 : 1;
    return i < k ? -1 : i > k;
}

static bool
same_tree(const struct metainfo_file *a, const struct metainfo_file *b)
{
    return a->length == b->length && memcmp(a->root, b->root, HASH_LEN) == 0;
}

static int
init_layer(struct piece_layer *layer, const struct metainfo_file *f, uint32_t file)
{
    int err = 0;

    *layer = (struct piece_layer){.hashes = f->layer, .file = file, .pieces = f->piece_count};
    if (layer->hashes == NULL) {
        uint32_t stretches = (f->piece_count - 1) / HASHTREE_ASK_MAX + 1;

        err = bitfield_init(&layer->known, f->piece_count);
        if (err == 0)
            err = bitfield_init(&layer->asked, stretches);
    }
    return err;
}

/* Sorts the files, and finds the twins and the layers. */
static int
index_files(struct hashtree *t, const struct metainfo *mi)
{
    const struct metainfo_file *first = NULL;
    uint32_t first_at = 0;

    for (uint32_t i = 0; i < mi->file_count; i++)
        if (mi->files[i].has_root)
            t->by_root[t->by_root_count++] = i;
    qsort_r(t->by_root, t->by_root_count, sizeof(*t->by_root), compare_files,
            (void *)(uintptr_t)mi->files);
    for (uint32_t i = 0; i < t->by_root_count; i++) {
        uint32_t at = t->by_root[i];
        const struct metainfo_file *f = &mi->files[at];

        if (first == NULL || !same_tree(first, f)) {
            first = f;
            first_at = at;
            t->layer_of[at] = HASHTREE_NO_LAYER;
            if (f->piece_count > 1) {
                t->layer_of[at] = t->layer_count++;
                if (init_layer(&t->layers[t->layer_of[at]], f, at) != 0)
                    return SPRAT_E_NOMEM;
                t->layers_missing += f->layer == NULL;
            }
        }
        t->twin[at] = first_at;
        t->layer_of[at] = t->layer_of[first_at];
    }
    return 0;
}

static size_t
count_layers(const struct metainfo *mi)
{
    size_t n = 0;

    for (size_t i = 0; i < mi->file_count; i++)
        n += mi->files[i].has_root && mi->files[i].piece_count > 1;
    return n;
}

struct hashtree *
hashtree_new(const struct geometry *g)
{
    const struct metainfo *mi = g->mi;
    struct hashtree *t = calloc(1, sizeof(*t));

    ASSERT(mi->id.has_v2);
    if (t == NULL)
        return NULL;
    t->g = g;
    t->piece_log = merkle_log2(mi->piece_length / BLOCK_LEN);
    leafcache_init(&t->cache, HASHTREE_CACHED_LEAVES_MAX);
    t->by_root = calloc(mi->file_count + 1, sizeof(*t->by_root));
    t->twin = calloc(mi->file_count + 1, sizeof(*t->twin));
    t->layer_of = calloc(mi->file_count + 1, sizeof(*t->layer_of));
    t->layers = calloc(count_layers(mi) + 1, sizeof(*t->layers));
    if (t->by_root == NULL || t->twin == NULL || t->layer_of == NULL || t->layers == NULL ||
        index_files(t, mi) != 0) {
        hashtree_free(t);
        return NULL;
    }
    return t;
}

void
hashtree_free(struct hashtree *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 0; i < t->layer_count; i++) {
        free(t->layers[i].own);
        free(t->layers[i].crowns);
        bitfield_fini(&t->layers[i].known);
        bitfield_fini(&t->layers[i].asked);
    }
    leafcache_fini(&t->cache);
    free(t->layers);
    free(t->layer_of);
    free(t->twin);
    free(t->by_root);
    free(t);
}

/* --- look-up --- */

struct tree_spot
hashtree_tree(const struct hashtree *t, uint32_t file)
{
    const struct metainfo_file *f = &t->g->mi->files[t->twin[file]];
    uint32_t layer = t->layer_of[file];
    struct tree_spot spot = {
        .file = f,
        .layer = layer != HASHTREE_NO_LAYER ? &t->layers[layer] : NULL,
        .blocks = merkle_blocks(f->length),
    };

    spot.height = merkle_log2(spot.blocks);
    spot.piece_height = spot.layer != NULL ? t->piece_log : spot.height;
    return spot;
}

uint32_t
hashtree_lower_bound(const struct hashtree *t, const uint8_t root[32])
{
    uint32_t low = 0, high = t->by_root_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (memcmp(t->g->mi->files[t->by_root[mid]].root, root, HASH_LEN) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool
hashtree_find_root(const struct hashtree *t, const uint8_t root[32], struct tree_spot *spot)
{
    uint32_t at = hashtree_lower_bound(t, root);

    if (at == t->by_root_count)
        return false;
    *spot = hashtree_tree(t, t->by_root[at]);
    return memcmp(spot->file->root, root, HASH_LEN) == 0;
}

bool
hashtree_find_piece(const struct hashtree *t, uint32_t piece, struct tree_spot *spot)
{
    uint32_t index;
    size_t file;

    if (!geometry_v2_file(t->g, piece, &file, &index))
        return false;
    *spot = hashtree_tree(t, (uint32_t)file);
    spot->index = index;
    return true;
}

const uint8_t *
hashtree_piece_hash(const struct tree_spot *spot)
{
    const struct piece_layer *layer = spot->layer;

    if (layer == NULL)
        return spot->file->root;
    if (layer->hashes != NULL)
        return layer->hashes + (size_t)spot->index * HASH_LEN;
    if (bitfield_get(&layer->known, spot->index))
        return layer->own + (size_t)spot->index * HASH_LEN;
    return NULL;
}

uint32_t
hashtree_cache_key(const struct tree_spot *spot)
{
    return spot->file->first_piece + spot->index;
}

uint32_t
hashtree_piece_blocks(const struct tree_spot *spot)
{
    uint64_t first = (uint64_t)spot->index << spot->piece_height;
    uint64_t left = spot->blocks - first;

    return (uint32_t)(left >> spot->piece_height != 0 ? (uint64_t)1 << spot->piece_height : left);
}

/* --- queries --- */

bool
hashtree_piece_known(const struct hashtree *t, uint32_t piece)
{
    struct tree_spot spot;

    return !hashtree_find_piece(t, piece, &spot) || hashtree_piece_hash(&spot) != NULL;
}

bool
hashtree_complete(const struct hashtree *t)
{
    return t->layers_missing == 0;
}

bool
hashtree_leaf(const struct hashtree *t, uint32_t piece, uint32_t block, uint8_t out[32])
{
    const uint8_t *leaf = NULL;
    struct tree_spot spot;

    if (!hashtree_find_piece(t, piece, &spot) || block >= hashtree_piece_blocks(&spot))
        return false;
    if (spot.piece_height == 0) {
        leaf = hashtree_piece_hash(&spot);
    } else {
        const struct leafset *set = leafcache_find(&t->cache, hashtree_cache_key(&spot));

        if (set != NULL && leafset_knows(set, block))
            leaf = set->leaves + (size_t)block * HASH_LEN;
    }
    if (leaf != NULL)
        memcpy(out, leaf, HASH_LEN);
    return leaf != NULL;
}

const uint8_t *
hashtree_layer(const struct hashtree *t, size_t file)
{
    struct tree_spot spot;

    if (!t->g->mi->files[file].has_root)
        return NULL;
    spot = hashtree_tree(t, (uint32_t)file);
    return spot.layer != NULL && spot.layer->hashes != NULL ? spot.layer->own : NULL;
}

/* --- hashes that we computed or stored --- */

int
hashtree_check(struct hashtree *t, uint32_t piece, const uint8_t *leaves, uint32_t n)
{
    const uint8_t *hash;
    struct tree_spot spot;
    uint8_t root[HASH_LEN];

    if (!hashtree_find_piece(t, piece, &spot))
        return 0;
    ASSERT(n == hashtree_piece_blocks(&spot));
    hash = hashtree_piece_hash(&spot);
    if (hash == NULL)
        return SPRAT_E_AGAIN;
    if (merkle_root(leaves, n, 0, spot.piece_height, root) != 0 ||
        memcmp(root, hash, HASH_LEN) != 0)
        return SPRAT_E_HASH;
    /* The leaves are right even if there is no memory to keep them. */
    if (spot.piece_height > 0)
        (void)leafcache_put(&t->cache, hashtree_cache_key(&spot), n, 0, leaves, n);
    return 0;
}

/* Allocates the layer's memory for fetched hashes. */
static int
own_layer(struct piece_layer *layer)
{
    if (layer->own == NULL)
        layer->own = malloc((size_t)layer->pieces * HASH_LEN);
    return layer->own != NULL ? 0 : SPRAT_E_NOMEM;
}

int
hashtree_learn(struct hashtree *t, struct piece_layer *layer, uint32_t first, const uint8_t *hashes,
               uint32_t n)
{
    if (layer->hashes != NULL)
        return 0;
    if (own_layer(layer) != 0)
        return SPRAT_E_NOMEM;
    memcpy(layer->own + (size_t)first * HASH_LEN, hashes, (size_t)n * HASH_LEN);
    for (uint32_t i = first; i < first + n; i++)
        bitfield_set(&layer->known, i);
    if (bitfield_full(&layer->known)) {
        layer->hashes = layer->own;
        t->layers_missing--;
    }
    return 0;
}

int
hashtree_put_layer(struct hashtree *t, size_t file, const uint8_t *bytes, size_t len)
{
    const struct metainfo_file *f = &t->g->mi->files[file];
    struct tree_spot spot;
    uint8_t root[HASH_LEN];

    if (!f->has_root || f->piece_count < 2)
        return SPRAT_E_INVAL;
    spot = hashtree_tree(t, (uint32_t)file);
    if (len != (size_t)spot.layer->pieces * HASH_LEN ||
        merkle_root(bytes, spot.layer->pieces, t->piece_log, spot.height - t->piece_log, root) !=
            0 ||
        memcmp(root, spot.file->root, HASH_LEN) != 0)
        return SPRAT_E_HASH;
    return hashtree_learn(t, spot.layer, 0, bytes, spot.layer->pieces);
}
