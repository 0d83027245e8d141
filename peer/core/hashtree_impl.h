/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the hash tree share among themselves. Nobody else includes this.
 *
 *   hashtree.c        what is known, and what we hashed or stored ourselves
 *   hashtree_fetch.c  requests of ours and their answers
 *   hashtree_serve.c  answers to the requests of others
 */
#ifndef PEER_CORE_HASHTREE_IMPL_H
#define PEER_CORE_HASHTREE_IMPL_H

#include "peer/core/hashtree.h"
#include "peer/core/leafcache.h"

#define HASHTREE_NO_LAYER UINT32_MAX

/* The piece layer of all files with one root and length, of more than one piece. */
struct piece_layer {
    const uint8_t *hashes; /* all of them: of the metainfo, or |own|; NULL while some are missing */
    uint8_t *own;          /* the fetched ones, or NULL */
    uint8_t *crowns;       /* roots over each 8 of |hashes|, then over each 8 of those, and so on up
                              to one; made when first needed, or NULL */
    struct bitfield known; /* of |own| */
    struct bitfield asked; /* stretches of HASHTREE_ASK_MAX */
    uint32_t file;         /* the first one that has it */
    uint32_t pieces;
};

struct hashtree {
    const struct geometry *g;
    unsigned piece_log;     /* layers from leaves to pieces */
    uint32_t *by_root;      /* files with a root, by root, then the longest first, then in order */
    uint32_t by_root_count;
    uint32_t *twin;         /* per file: the first with its root and length */
    uint32_t *layer_of;     /* per file: index into layers, or HASHTREE_NO_LAYER */
    struct piece_layer *layers;
    uint32_t layer_count;
    uint32_t layers_missing;
    uint32_t want_at; /* no layer below it has a stretch to ask for */
    struct leafcache cache;
};

/* A file's tree, or one piece's part of it. All files with one root and length are one tree, told
 * by the first of them. */
struct tree_spot {
    const struct metainfo_file *file;
    struct piece_layer *layer; /* NULL for a file of one piece */
    uint64_t blocks;
    unsigned height;       /* layers from leaves to the root */
    unsigned piece_height; /* to the piece's hash; the root for a file of one piece */
    uint32_t index;        /* the piece in its file */
};

/* The tree of |file|. */
struct tree_spot hashtree_tree(const struct hashtree *t, uint32_t file);

/* Finds the tree of a piece; false if no file owns it. */
bool hashtree_find_piece(const struct hashtree *t, uint32_t piece, struct tree_spot *spot);

/* Finds the tree with |root|. Where two trees claim one root, the larger has it: the smaller is a
 * file of a single 64-byte block, made to collide, and needs no hashes from anybody. */
bool hashtree_find_root(const struct hashtree *t, const uint8_t root[32], struct tree_spot *spot);

/* The first place in by_root that has |root|. */
uint32_t hashtree_lower_bound(const struct hashtree *t, const uint8_t root[32]);

/* The hash of the spot's piece, or NULL while it is not known. */
const uint8_t *hashtree_piece_hash(const struct tree_spot *spot);

/* Under which number the leaves of the spot's piece are cached. */
uint32_t hashtree_cache_key(const struct tree_spot *spot);

/* Data blocks of the spot's piece. */
uint32_t hashtree_piece_blocks(const struct tree_spot *spot);

/* Keeps |n| hashes that were proven, from piece |first| of the layer on. SPRAT_E_NOMEM. */
int hashtree_learn(struct hashtree *t, struct piece_layer *layer, uint32_t first,
                   const uint8_t *hashes, uint32_t n);

/* Uncle hashes in an answer to |req|: those above the subtree that the hashes themselves make. */
uint32_t hashtree_uncles(const struct wire_hash_request *req);

#endif
