/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decides whether a piece's digests match the torrent: SHA-1 against the v1 list, Merkle leaves
 * against the piece layer or root, both in a hybrid. Where the layer of a v2-only file is unknown,
 * the file's piece hashes are collected and the file is judged as a whole.
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

/* Judges one piece. 0: the hash matches. HASH: it does not. MISMATCH: in a hybrid, one hash matches
 * and the other does not. AGAIN: the piece can't be judged alone (see piecejudge_file_is_whole).
 * NOMEM. |sha1| and |leaves| are as storage_rehash() gives them. */
int piecejudge_piece(struct piecejudge *j, uint32_t piece, const uint8_t *sha1,
                     const uint8_t *leaves, uint32_t leaf_count);

/* True if no piece of the file could be judged alone, all pieces were given, and their hashes lead
 * to the file's root. */
bool piecejudge_file_is_whole(struct piecejudge *j, size_t file);

/* True if some piece could not be judged, neither alone nor with its whole file. */
bool piecejudge_layers_missing(struct piecejudge *j);

#endif
