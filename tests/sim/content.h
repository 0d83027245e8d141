/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent without bytes: its metainfo, and for each block only a SHA-256 leaf that is computed
 * from a number. A block on a disk or in a message is a tag, good or bad. So a thousand peers that
 * share a gigabyte fit into memory, and no content is hashed.
 */
#ifndef TESTS_SIM_CONTENT_H
#define TESTS_SIM_CONTENT_H

#include "common/codec/metainfo.h"
#include "peer/core/geometry.h"

enum {
    CONTENT_FILES_MAX = 10000,
    CONTENT_BLOCKS_MAX = 1 << 22,
};

/* The content of a block on a disk or in a message. BLOCK_BAD and each higher value stand for
 * different wrong contents. */
enum block_tag { BLOCK_ABSENT, BLOCK_GOOD, BLOCK_BAD };

struct content_spec {
    enum metainfo_format format;
    uint32_t piece_length;
    uint64_t size;           /* bytes of payload, all files together */
    uint32_t files;          /* of unequal lengths */
    const uint64_t *lengths; /* of each file, then |size| counts for nothing; NULL: made up */
    bool is_private;
    bool no_layers; /* v2: only peers with all pieces have "piece layers" */
};

/* Embedded; read only. */
struct content {
    struct metainfo *mi;
    struct geometry geo;
    uint32_t bpp;     /* blocks per piece */
    uint8_t **layers; /* per file of |mi|, 32 bytes a piece; NULL where there is none */
};

/* SPRAT_E_INVAL, with a message, for a torrent that is not possible. */
int content_init(struct content *c, const struct content_spec *spec, struct errbuf *eb);
void content_fini(struct content *c);

/* The leaf of a block whose content is |tag|. */
void content_leaf(uint32_t piece, uint32_t block, uint8_t tag, uint8_t out[32]);

#endif
