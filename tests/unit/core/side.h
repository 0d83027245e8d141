/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One side of an exchange of hashes, for the hash tree's tests.
 */
#ifndef TESTS_UNIT_CORE_SIDE_H
#define TESTS_UNIT_CORE_SIDE_H

#include "common/ds/buf.h"
#include "peer/core/hashtree.h"
#include "tests/unit/core/torrents.h"

/* One side: a torrent and what is known of its hashes. */
struct side {
    struct metainfo *mi;
    struct geometry g;
    struct hashtree *tree;
    struct bitfield have;
};

/* A torrent of |files| (torrents.h); it has no pieces yet. */
void side_init(struct side *s, uint32_t piece_length, const struct torrent_file *files,
               size_t count, unsigned flags);
void side_fini(struct side *s);

/* The leaves of a piece as its disk would give them, to be freed. Returns how many. */
uint32_t side_leaves(const struct side *s, const struct torrent_file *files, uint32_t piece,
                     uint8_t **out);

/* hashtree_check() with these leaves. */
int side_check(struct side *s, const struct torrent_file *files, uint32_t piece);

/* Serves as the engine would: reading leaves as long as they are asked for. */
int side_serve(struct side *s, const struct torrent_file *files,
               const struct wire_hash_request *req, struct buf *out);

#endif
