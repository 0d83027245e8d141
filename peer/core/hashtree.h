/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is known of a v2 torrent's Merkle trees: each file's piece layer (from the metainfo, or
 * fetched with hash requests), and leaves of some pieces in a bounded cache. Judges proofs, checks
 * pieces from their leaves, and answers other peers' hash requests (BEP 52). It asks nobody: it
 * says what is missing, and its owner picks the peer.
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
    HASHTREE_ASK_MAX = 512,         /* hashes we ask for at once (BEP 52) */
    HASHTREE_SERVE_MAX = 8192,      /* hashes we serve at once */
    HASHTREE_WORK_MAX = 32768,      /* hashes we read or know already that an answer is made from */
    HASHTREE_CACHED_LEAVES_MAX = 131072, /* leaves kept (4 MiB) before the oldest piece's go */
};

struct hashtree;

/* NULL when memory is out. |g| must outlive it and be of a torrent with a v2 side. */
struct hashtree *hashtree_new(const struct geometry *g);
void hashtree_free(struct hashtree *t);

/* True when the piece's own hash (node of the piece layer; the root for a file of one piece) is
 * known, so that the piece can be judged. True for a piece that no file owns. */
bool hashtree_piece_known(const struct hashtree *t, uint32_t piece);

/* True when no piece layer is missing. */
bool hashtree_complete(const struct hashtree *t);

/* Copies the expected leaf of a block; false if it is not known. */
bool hashtree_leaf(const struct hashtree *t, uint32_t piece, uint32_t block, uint8_t out[32]);

/* Judges |n| computed leaves (one per data block) of a piece: 0, or SPRAT_E_HASH, or SPRAT_E_AGAIN
 * when the piece's hash is not known. Good leaves are kept in the cache. */
int hashtree_check(struct hashtree *t, uint32_t piece, const uint8_t *leaves, uint32_t n);

/* The next missing stretch of some piece layer that nobody was asked for since |hashtree_forget|:
 * false if there is none. It counts as asked from now on. Requests are of HASHTREE_ASK_MAX at most,
 * with index a multiple of length and length a power of two, 2 at least, and with proof layers up
 * to the root. */
bool hashtree_want_layer(struct hashtree *t, struct wire_hash_request *req);

/* The request for the first leaves of |piece| that are not known (all of them up to 512 blocks, 8
 * MiB), with the proof layers that reach its known piece hash (or root). False if there are none,
 * or the piece has one block only: then it needs no leaves to be judged. */
bool hashtree_want_leaves(const struct hashtree *t, uint32_t piece, struct wire_hash_request *req);

/* The asked peer rejected or left: the stretch may be asked for again. */
void hashtree_forget(struct hashtree *t, const struct wire_hash_request *req);

/* Takes an answer to a request that we made (the caller checked that): |n| = length plus proof
 * hashes. 0 and everything is kept, SPRAT_E_HASH or SPRAT_E_PROTOCOL and nothing is, or
 * SPRAT_E_NOMEM. For leaves, |*piece| is the piece some of whose blocks can be judged now (the
 * first one, where several files have the same content; hashtree_want_leaves() tells whether more
 * are to be asked for); else UINT32_MAX. */
int hashtree_on_hashes(struct hashtree *t, const struct wire_hash_request *req,
                       const uint8_t *hashes, size_t n, uint32_t *piece);

/* Appends the answer's hashes (length, then proof; 32 bytes each) to |out|. SPRAT_E_NOTFOUND,
 * SPRAT_E_INVAL or an error of |out|: send a reject. SPRAT_E_AGAIN: the leaves of |*piece| are
 * needed first, read them, hashtree_check() them in, and call again. |have| tells which pieces we
 * have. Serves any layer below the root, and, as libtorrent does, pads behind the file's end. */
int hashtree_serve(struct hashtree *t, const struct wire_hash_request *req,
                   const struct bitfield *have, struct buf *out, uint32_t *piece);

/* What an answer to a hash request is, in bytes: |sent| of hashes, and |work| with those that it is
 * made from. */
struct hashtree_cost {
    uint64_t sent, work;
};

/* False for a request that hashtree_serve() refuses whatever is had. */
bool hashtree_cost(const struct hashtree *t, const struct wire_hash_request *req,
                   struct hashtree_cost *cost);

/* The piece layers that were not in the metainfo and are complete now, for storing: file |file|'s
 * layer, 32 × piece_count bytes, or NULL while it is not complete. */
const uint8_t *hashtree_layer(const struct hashtree *t, size_t file);

/* Puts back a layer that was stored earlier. SPRAT_E_HASH if it does not reach the root,
 * SPRAT_E_INVAL for a file that has none, SPRAT_E_NOMEM. */
int hashtree_put_layer(struct hashtree *t, size_t file, const uint8_t *layer, size_t len);

#endif
