/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and checks a torrent file: v1 (BEP 3), v2 and hybrid (BEP 52), with BEP 12 tiers, BEP 19
 * web seeds, BEP 5 nodes, BEP 27 private and BEP 47 attributes. After metainfo_parse() every path
 * is safe to join to a directory, no two files but pads share a path, all lengths add up, and in a
 * hybrid both descriptions agree. A struct metainfo owns a copy of all its bytes and never changes.
 *
 * Piece space: bytes are numbered as v1 concatenates them, pad files included; in a v2-only torrent
 * each non-empty file starts at the next piece boundary and the gap is not listed as a file. So
 * `offset / piece_length` is the first piece of a file in every format.
 */
#ifndef COMMON_CODEC_METAINFO_H
#define COMMON_CODEC_METAINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/codec/identity.h"

enum {
    BLOCK_LEN = 16384,                     /* request size, and a v2 Merkle leaf */
    METAINFO_SIZE_MAX = 128 * 1024 * 1024, /* bytes of a torrent file */
    METAINFO_FILES_MAX = 1000000,
    METAINFO_PIECES_MAX = 4 * 1024 * 1024,
    METAINFO_PIECE_LEN_MAX = 512 * 1024 * 1024,
    METAINFO_DEPTH_MAX = 100, /* nesting of bencode */
    METAINFO_TRACKERS_MAX = 500,
    METAINFO_WEB_SEEDS_MAX = 100,
    METAINFO_NODES_MAX = 100,
    METAINFO_NODE_HOST_MAX = 255, /* bytes */
    METAINFO_PATH_MAX = 4000,     /* bytes of one joined path */
};

enum metainfo_format { METAINFO_V1, METAINFO_V2, METAINFO_HYBRID };

enum metainfo_attr {
    ATTR_PAD = 1,
    ATTR_EXECUTABLE = 2,
    ATTR_HIDDEN = 4,
    ATTR_SYMLINK = 8,
};

struct metainfo_file {
    /* Safe, relative, '/' between components; begins with the torrent's name if there are several
     * files. */
    const char *path;
    /* With ATTR_SYMLINK: the |path| of a file or directory of this torrent, or the file's own path
     * if the target was bad (then no link is created). Else NULL. */
    const char *symlink;
    uint64_t length;  /* bytes; 0 for a symlink */
    uint64_t offset;  /* in piece space */
    unsigned attr;    /* enum metainfo_attr bits */
    bool has_root;    /* v2 and hybrid: a non-empty file that is no pad */
    uint8_t root[32]; /* "pieces root" */
    /* v2: hashes of the file's pieces, 32 bytes each, checked against |root|; NULL for a file of at
     * most one piece, or when the layer is missing. */
    const uint8_t *layer;
    uint32_t first_piece; /* offset / piece_length */
    uint32_t piece_count; /* pieces with bytes of the file; 0 for an empty file */
};

struct metainfo_tier {
    const char *const *urls;
    size_t count;
};

/* A node of the DHT (BEP 5). */
struct metainfo_node {
    const char *host;
    uint16_t port;
};

struct metainfo {
    enum metainfo_format format;
    struct identity id; /* a hybrid has both hashes */
    const char *name;      /* safe, one component */
    bool multi_file;       /* the files are in a directory called |name| */
    uint32_t piece_length; /* bytes; v2 and hybrid: a power of two ≥ 16 KiB */
    uint32_t piece_count;
    uint64_t total_size;               /* payload bytes without pads */
    uint64_t span;                     /* piece space: end of the last file */
    const uint8_t *pieces;             /* v1: 20 × piece_count bytes, else NULL */
    const struct metainfo_file *files; /* in piece-space order; pads and empty files included */
    size_t file_count;
    const struct metainfo_tier *tiers; /* announce-list, or announce as one tier; without
                                          duplicates */
    size_t tier_count;
    const char *const *web_seeds; /* url-list */
    size_t web_seed_count;
    const struct metainfo_node *nodes;
    size_t node_count;
    bool is_private;
    const char *source, *comment, *created_by; /* NULL if absent; UTF-8 */
    int64_t creation_date;                     /* seconds since 1970, or 0 */
    const uint8_t *info; /* the raw info dictionary, which the info-hashes are computed from */
    size_t info_len;
    const uint8_t *raw; /* the whole file */
    size_t raw_len;
    /* Some v2 piece layers are missing; hash requests must fetch them before data can be checked.
     */
    bool layers_missing;
    struct metainfo_mem *mem; /* private: owns everything above */
};

/* Parses a torrent file in memory. Returns 0 and |*out|, which the caller frees with
 * metainfo_free(); or SYNTAX, TRUNCATED, DEPTH, TOOBIG, NOTCANONICAL, MISSING, TYPE, RANGE,
 * MISMATCH, HASH, VERSION, NOMEM with a message in |eb| that names the field. */
int metainfo_parse(const uint8_t *raw, size_t len, struct metainfo **out, struct errbuf *eb);
void metainfo_free(struct metainfo *mi);

/* The bytes of piece |p| < piece_count that its v1 hash covers: piece_length, or less for the last
 * piece. In a v2-only torrent: the file's bytes in that piece. */
uint32_t metainfo_piece_len(const struct metainfo *mi, uint32_t p);

/* The index of the file that holds |offset| of piece space, or of the file before the gap that
 * holds it; never an empty file. |offset| < span. */
size_t metainfo_file_at(const struct metainfo *mi, uint64_t offset);

#endif
