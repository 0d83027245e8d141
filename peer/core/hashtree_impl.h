/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The private header of the hash tree. Only these files include it:
 *
 *   hashtree.c        known hashes, and those that we computed or stored
 *   hashtree_fetch.c  our hash requests and their answers
 *   hashtree_serve.c  answers to the hash requests of peers
 */
#ifndef PEER_CORE_HASHTREE_IMPL_H
#define PEER_CORE_HASHTREE_IMPL_H

#include "peer/core/hashtree.h"
#include "peer/core/leafcache.h"

#define HASHTREE_NO_LAYER UINT32_MAX

/* The piece layer of all files that share one root and length and have more than one piece. */
struct piece_layer {
    const uint8_t *hashes; /* all hashes, from the metainfo or |own|; NULL while some are missing */
    uint8_t *own;          /* fetched hashes, or NULL */
    uint8_t *crowns;       /* Roots over each 8 of |hashes|, then over each 8 of those, and so on
                              up to one; made when first needed, or NULL. */
    struct bitfield known; /* hashes of |own| that are known */
    struct bitfield asked; /* parts of HASHTREE_ASK_MAX hashes that were asked for */
    uint32_t file;         /* the first file with this layer */
    uint32_t pieces;
};

struct hashtree {
    const struct geometry *g;
    unsigned piece_log;     /* layers between leaves and piece hashes */
    uint32_t *by_root;      /* files with a root, sorted by root, then length (longest first),
                               then index */
    uint32_t by_root_count;
    uint32_t *twin;         /* per file: the first file with the same root and length */
    uint32_t *layer_of;     /* per file: index into layers, or HASHTREE_NO_LAYER */
    struct piece_layer *layers;
    uint32_t layer_count;
    uint32_t layers_missing;
    uint32_t want_at; /* no layer with a lower index has a part to ask for */
    struct leafcache cache;
};

/* A file's tree, or one piece's subtree of it. All files with one root and length share one tree,
 * which the first of them names. */
struct tree_spot {
    const struct metainfo_file *file;
    struct piece_layer *layer; /* NULL for a file of one piece */
    uint64_t blocks;
    unsigned height;       /* layers between leaves and root */
    unsigned piece_height; /* layers up to the piece's hash; for a file of one piece, up to the
                              root */
    uint32_t index;        /* index of the piece in its file */
};

/* The tree of |file|. */
struct tree_spot hashtree_tree(const struct hashtree *t, uint32_t file);

/* Finds the subtree of a piece; false if the piece belongs to no file. */
bool hashtree_find_piece(const struct hashtree *t, uint32_t piece, struct tree_spot *spot);

/* Finds the tree with |root|. If two trees have one root, the larger one counts: the smaller one is
 * a file of a single 64-byte block, made to collide, and needs no hashes from peers. */
bool hashtree_find_root(const struct hashtree *t, const uint8_t root[32], struct tree_spot *spot);

/* The first index in by_root whose file has |root|. */
uint32_t hashtree_lower_bound(const struct hashtree *t, const uint8_t root[32]);

/* The hash of the spot's piece, or NULL while it is not known. */
const uint8_t *hashtree_piece_hash(const struct tree_spot *spot);

/* The key of the piece's leaves in the cache. */
uint32_t hashtree_cache_key(const struct tree_spot *spot);

/* The number of the piece's data blocks. */
uint32_t hashtree_piece_blocks(const struct tree_spot *spot);

/* Keeps |n| proven hashes of the layer, from piece |first| on. SPRAT_E_NOMEM. */
int hashtree_learn(struct hashtree *t, struct piece_layer *layer, uint32_t first,
                   const uint8_t *hashes, uint32_t n);

/* The number of uncle hashes in an answer to |req|: those above the subtree of the requested
 * hashes. */
uint32_t hashtree_uncles(const struct wire_hash_request *req);

#endif
