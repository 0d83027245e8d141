/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The Merkle trees of a v2 torrent (BEP 52): each file's piece layer (from the metainfo, or fetched
 * with hash requests), and a bounded cache of the leaves of some pieces. The hash tree verifies
 * proofs, checks pieces from their leaves, and answers hash requests of peers. It sends no request
 * itself: it says which hashes are missing, and its owner chooses the peer.
 */
#ifndef PEER_CORE_HASHTREE_H
#define PEER_CORE_HASHTREE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"
#include "common/ds/buf.h"
#include "peer/core/geometry.h"
#include "peer/core/wire.h"

enum {
    HASHTREE_ASK_MAX = 512,         /* most hashes in one request of ours (BEP 52) */
    HASHTREE_SERVE_MAX = 8192,      /* most hashes in one answer of ours */
    HASHTREE_WORK_MAX = 32768,      /* most known or read hashes that one answer is made from */
    HASHTREE_CACHED_LEAVES_MAX = 131072, /* leaves in the cache (4 MiB); beyond that, the least
                                            recently used piece's leaves go */
};

struct hashtree;

/* NULL when memory is out. |g| must outlive the tree and belong to a torrent with a v2 side. */
struct hashtree *hashtree_new(const struct geometry *g);
void hashtree_free(struct hashtree *t);

/* True when the piece's own hash (its node in the piece layer; the root for a file of one piece) is
 * known, so that the piece can be checked. True for a piece that belongs to no file. */
bool hashtree_piece_known(const struct hashtree *t, uint32_t piece);

/* True when no piece layer is missing. */
bool hashtree_complete(const struct hashtree *t);

/* Copies the expected hash of a block; false if it is not known. */
bool hashtree_leaf(const struct hashtree *t, uint32_t piece, uint32_t block, uint8_t out[32]);

/* Checks |n| computed leaves (one per data block) of a piece: 0, or SPRAT_E_HASH, or SPRAT_E_AGAIN
 * when the piece's hash is not known. Good leaves go to the cache. */
int hashtree_check(struct hashtree *t, uint32_t piece, const uint8_t *leaves, uint32_t n);

/* The next missing part of a piece layer that was not asked for, or was given back with
 * hashtree_forget(); false if there is none. It counts as asked for from now on. A request is for
 * at most HASHTREE_ASK_MAX hashes; its index is a multiple of its length, its length a power of two
 * and at least 2, and its proof layers reach the root. */
bool hashtree_want_layer(struct hashtree *t, struct wire_hash_request *req);

/* The request for the first unknown leaves of |piece| (all of them up to 512 blocks, 8 MiB), with
 * the proof layers up to its known piece hash (or root). False if all are known, or the piece has
 * only one block: such a piece is checked without leaves. */
bool hashtree_want_leaves(const struct hashtree *t, uint32_t piece, struct wire_hash_request *req);

/* The peer rejected the request or left: its hashes may be asked for again. */
void hashtree_forget(struct hashtree *t, const struct wire_hash_request *req);

/* Takes the answer to a request of ours (the caller checks that it is one): |n| = length plus proof
 * hashes. 0: the hashes are kept; SPRAT_E_HASH, SPRAT_E_PROTOCOL: none is; or SPRAT_E_NOMEM. For
 * leaves, |*piece| is the piece whose blocks, or some of them, can be checked now (the first such
 * piece if several files have the same content; hashtree_want_leaves() tells whether more leaves
 * are needed); else UINT32_MAX. */
int hashtree_on_hashes(struct hashtree *t, const struct wire_hash_request *req,
                       const uint8_t *hashes, size_t n, uint32_t *piece);

/* Appends the answer's hashes (length, then proof; 32 bytes each) to |out|. SPRAT_E_NOTFOUND,
 * SPRAT_E_INVAL or an error of |out|: send a HASH_REJECT. SPRAT_E_AGAIN: the leaves of |*piece| are
 * needed first; read them, pass them to hashtree_check(), and call again. |have|: the pieces that
 * we have. Serves any layer below the root, and, like libtorrent, pads after the file's end. */
int hashtree_serve(struct hashtree *t, const struct wire_hash_request *req,
                   const struct bitfield *have, struct buf *out, uint32_t *piece);

/* The cost of an answer to a hash request in bytes: |sent| are the hashes in the answer; |work|
 * also counts the hashes that it is made from. */
struct hashtree_cost {
    uint64_t sent, work;
};

/* False for a request that hashtree_serve() refuses whatever pieces we have. */
bool hashtree_cost(const struct hashtree *t, const struct wire_hash_request *req,
                   struct hashtree_cost *cost);

/* For storing: the piece layer of |file| if the metainfo lacks it and it is complete now, 32 ×
 * piece_count bytes; else NULL. */
const uint8_t *hashtree_layer(const struct hashtree *t, size_t file);

/* Restores a stored layer. SPRAT_E_HASH if it does not match the root, SPRAT_E_INVAL for a file
 * without a piece layer, SPRAT_E_NOMEM. */
int hashtree_put_layer(struct hashtree *t, size_t file, const uint8_t *layer, size_t len);

#endif
