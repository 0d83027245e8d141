/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Maps ranges of piece space to ranges of files. Pad files (BEP 47) and the gaps of a v2-only
 * torrent become ranges that no file stores: they read as zeros and are never written. Pure
 * arithmetic over the metainfo; opens no files.
 */
#ifndef PEER_STORE_LAYOUT_H
#define PEER_STORE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

struct layout_range {
    size_t file;     /* index into mi->files; meaningless if |stored| is false */
    uint64_t offset; /* in that file, bytes */
    uint64_t len;    /* bytes, never 0 */
    bool stored;     /* false: zeros that lie in no file */
};

/* On the caller's stack; private. */
struct layout_walk {
    const struct metainfo *mi;
    uint64_t at, end; /* piece space */
    size_t file;
};

/* Starts a walk at |begin| of piece |piece|, over |len| bytes that lie in that piece
 * (layout_valid). */
void layout_walk_init(struct layout_walk *w, const struct metainfo *mi, uint32_t piece,
                      uint32_t begin, uint64_t len);

/* Gives the next range, in order; false at the end. */
bool layout_walk_next(struct layout_walk *w, struct layout_range *out);

/* The bytes of the piece up to its last stored byte: its span without trailing pads. Block |b| of a
 * piece is requested, stored and a Merkle leaf if it begins below this. */
uint32_t layout_piece_data(const struct metainfo *mi, uint32_t piece);

/* True if 0 < len and [begin, begin + len) lies within an existing piece: within its span, or in a
 * v2-only torrent within the full piece length, since clients request the full length even where
 * the file ends earlier. */
bool layout_valid(const struct metainfo *mi, uint32_t piece, uint32_t begin, uint32_t len);

#endif
