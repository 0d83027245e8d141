/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Says whether a piece's digests are those of the torrent: SHA-1 against the v1 list, Merkle leaves
 * against the piece layer or root, both in a hybrid. Where a v2-only file's layer is not known, it
 * gathers the file's piece hashes and judges the file as a whole.
 */
#ifndef PEER_STORE_PIECEJUDGE_H
#define PEER_STORE_PIECEJUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

struct piecejudge;

/* |piece_hash| (may be NULL) gives piece hashes of layers that the metainfo lacks. NULL when
 * memory is out. */
struct piecejudge *piecejudge_new(const struct metainfo *mi,
                                  bool (*piece_hash)(void *user, uint32_t piece, uint8_t out[32]),
                                  void *user);
void piecejudge_free(struct piecejudge *j);

/* 0: right. HASH: wrong. MISMATCH: right by one hash of a hybrid, wrong by the other. AGAIN:
 * can't be told alone (see piecejudge_file_is_whole). NOMEM. |sha1| and |leaves| as
 * storage_rehash() gives them. */
int piecejudge_piece(struct piecejudge *j, uint32_t piece, const uint8_t *sha1,
                     const uint8_t *leaves, uint32_t leaf_count);

/* True if all pieces of a file could not be told alone, were all given, and their hashes lead to
 * the file's root. */
bool piecejudge_file_is_whole(struct piecejudge *j, size_t file);

/* True if some piece could not be told, not even by its file. */
bool piecejudge_layers_missing(struct piecejudge *j);

#endif
