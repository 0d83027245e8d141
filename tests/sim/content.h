/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent whose bytes don't exist: its metainfo, and of each block only its SHA-256 leaf, made up
 * from a number. A block that somebody has is a tag, good or bad. So a thousand peers that share a
 * gigabyte fit into memory, and nothing has to be hashed.
 */
#ifndef TESTS_SIM_CONTENT_H
#define TESTS_SIM_CONTENT_H

#include "common/codec/metainfo.h"
#include "peer/core/geometry.h"

enum {
    CONTENT_FILES_MAX = 10000,
    CONTENT_BLOCKS_MAX = 1 << 22,
};

/* What a block on a disk or on its way is; BLOCK_BAD and above are wrong in different ways. */
enum block_tag { BLOCK_ABSENT, BLOCK_GOOD, BLOCK_BAD };

struct content_spec {
    enum metainfo_format format;
    uint32_t piece_length;
    uint64_t size;           /* bytes of payload, all files together */
    uint32_t files;          /* of unequal lengths */
    const uint64_t *lengths; /* of each file, then |size| counts for nothing; NULL: made up */
    bool is_private;
    bool no_layers;          /* v2: "piece layers" is missing, but for who has the content */
};

/* Embedded; read only. */
struct content {
    struct metainfo *mi;
    struct geometry geo;
    uint32_t bpp;     /* blocks per piece */
    uint8_t **layers; /* per file of |mi|, 32 bytes a piece; NULL where there is none */
};

/* SPRAT_E_INVAL with a sentence for a torrent that can't be. */
int content_init(struct content *c, const struct content_spec *spec, struct errbuf *eb);
void content_fini(struct content *c);

/* The leaf of a block that is |tag|. */
void content_leaf(uint32_t piece, uint32_t block, uint8_t tag, uint8_t out[32]);

#endif
