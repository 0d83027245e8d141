/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The arithmetic of pieces, blocks and files over a torrent's metainfo. A piece has a span (the
 * bytes that messages may address, and that a v1 hash covers: trailing pad included) and data (the
 * bytes that are requested and stored: trailing pad left out, BEP 47). The geometry keeps a pointer
 * to the metainfo.
 */
#ifndef PEER_CORE_GEOMETRY_H
#define PEER_CORE_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

struct geometry {
    const struct metainfo *mi;
    uint32_t piece_count;
    uint32_t piece_length;
    uint32_t blocks_per_piece; /* of a piece of full length */
    uint64_t data_total;       /* sum of all pieces' data */
    uint32_t *data_len;        /* per piece; NULL in a torrent without pad files */
};

/* 0 or SPRAT_E_NOMEM. */
int geometry_init(struct geometry *g, const struct metainfo *mi);
void geometry_fini(struct geometry *g);

/* The bytes of the piece that messages may address, as a v1 hash covers them. In a v2-only torrent
 * always the whole piece length: the gap after a file's end reads as zeros, and libtorrent (seen
 * with 2.0.8) requests the block at a file's end in full length and expects it so. */
uint32_t geometry_span(const struct geometry *g, uint32_t piece);

/* The bytes of the piece to request and store: the span without trailing pads and gap. 0 for a
 * piece of pads only. */
uint32_t geometry_data(const struct geometry *g, uint32_t piece);

/* The number of blocks to request: ceil(data / BLOCK_LEN). */
uint32_t geometry_blocks(const struct geometry *g, uint32_t piece);

/* The bytes of |block| to request; the last block of a piece can be short. */
uint32_t geometry_block_len(const struct geometry *g, uint32_t piece, uint32_t block);

/* True if a request for these bytes is not empty and lies within the piece's span. */
bool geometry_valid(const struct geometry *g, uint32_t piece, uint32_t begin, uint32_t length);

/* v2 and hybrid: the file with a pieces root that the piece belongs to, and the piece's index in
 * it. False if there is none (a piece of pads only). */
bool geometry_v2_file(const struct geometry *g, uint32_t piece, size_t *file, uint32_t *index);

#endif
