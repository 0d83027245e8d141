/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes a torrent file from a list of files and their hashes, which the caller computed. The
 * output is canonical and the same for the same input; the info dictionary holds no times.
 */
#ifndef COMMON_CODEC_METAINFO_BUILD_H
#define COMMON_CODEC_METAINFO_BUILD_H

#include "common/codec/metainfo.h"
#include "common/ds/buf.h"

struct metainfo_build_file {
    const char *path;    /* below the torrent's name, '/' between components; ignored if single */
    const char *symlink; /* target, as |path|, or NULL */
    uint64_t length;
    unsigned attr;        /* ATTR_EXECUTABLE, ATTR_HIDDEN, ATTR_SYMLINK; metainfo_build() adds
                             pads itself */
    const uint8_t *root;  /* v2 and hybrid, length > 0: 32 bytes */
    const uint8_t *layer; /* v2 and hybrid, length > piece_length: 32 × pieces bytes */
};

struct metainfo_build {
    enum metainfo_format format;
    const char *name;
    bool multi_file;
    uint32_t piece_length;
    const struct metainfo_build_file *files; /* ascending by metainfo_path_compare() */
    size_t file_count;
    const uint8_t
        *pieces; /* v1 and hybrid: 20 bytes a piece; hybrid: computed over pads as zeros */
    uint32_t piece_count;
    const struct metainfo_tier *tiers;
    size_t tier_count;
    const char *const *web_seeds;
    size_t web_seed_count;
    const struct metainfo_node *nodes;
    size_t node_count;
    bool is_private;
    const char *source, *comment, *created_by;
    int64_t creation_date; /* 0: no date is written */
};

/* Compares two paths in the order that works for both v1 and v2: that of a walk of the v2 file
 * tree, component by component, bytes unsigned. Negative, 0 or positive, as strcmp(). */
int metainfo_path_compare(const char *a, const char *b);

/* Appends the torrent file to |out|. INVAL, with a message, for input that metainfo_parse() would
 * refuse or read differently: a name that clients have to change, a link out of the torrent, a
 * layer that does not match its root, DHT nodes in a private torrent. NOMEM; TOOBIG. After an error
 * |out| holds a part of the file.
 */
int metainfo_build(const struct metainfo_build *b, struct buf *out, struct errbuf *eb);

#endif
