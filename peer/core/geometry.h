/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Pieces, blocks and files of one torrent as arithmetic over its metainfo. A piece has a span (what
 * the wire may address, and what a v1 hash covers: trailing pad included) and data (what is ever
 * requested and stored: trailing pad left out, BEP 47). Keeps a pointer to the metainfo.
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
    uint32_t blocks_per_piece; /* of a full one */
    uint64_t data_total;       /* sum of all pieces' data */
    uint32_t *data_len;        /* per piece, or NULL in a torrent without pad files */
};

/* SPRAT_E_NOMEM. */
int geometry_init(struct geometry *g, const struct metainfo *mi);
void geometry_fini(struct geometry *g);

/* Bytes of the piece that the wire may address: as a v1 hash covers it. In a v2-only torrent always
 * the whole piece length: the gap behind a file's end reads as zeros, and libtorrent (seen with
 * 2.0.8) requests the block at a file's end in full length and wants it so. */
uint32_t geometry_span(const struct geometry *g, uint32_t piece);

/* Bytes of the piece to request and store: the span without trailing pads and gap. Can be 0 (all
 * pad). */
uint32_t geometry_data(const struct geometry *g, uint32_t piece);

/* Blocks to request: ceil(data / BLOCK_LEN). */
uint32_t geometry_blocks(const struct geometry *g, uint32_t piece);

/* Bytes of block |block| that are requested; the last one of a piece can be short. */
uint32_t geometry_block_len(const struct geometry *g, uint32_t piece, uint32_t block);

/* True if a request for these bytes lies within the piece's span and is not empty. */
bool geometry_valid(const struct geometry *g, uint32_t piece, uint32_t begin, uint32_t length);

/* v2 and hybrid: the one file with a root that owns the piece, and the piece's index in it. False
 * if there is none (a piece of pads only). */
bool geometry_v2_file(const struct geometry *g, uint32_t piece, size_t *file, uint32_t *index);

#endif
