/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrents for the core's tests, made from lengths alone: the leaf hashes are numbers, no content
 * stands behind them. They go through metainfo_parse() like all others.
 */
#ifndef TESTS_UNIT_CORE_TORRENTS_H
#define TESTS_UNIT_CORE_TORRENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

enum {
    TORRENT_NO_LAYERS = 1,
    TORRENT_HYBRID = 2,
    /* The content whose byte j of block b is 7b + 13j + j/256: its leaves are real hashes. */
    TORRENT_REAL = 0x7ea1,
};

struct torrent_file {
    uint64_t length;
    uint64_t content; /* files of one length and content have one root */
};

/* A multi-file torrent of v2, or hybrid with pads between the files. Aborts the test if it does not
 * parse. To be freed with metainfo_free(). */
struct metainfo *torrent_make(uint32_t piece_length, const struct torrent_file *files, size_t count,
                              unsigned flags);

/* A v1 multi-file torrent: a negative length is a pad of that many bytes. */
struct metainfo *torrent_make_v1(uint32_t piece_length, const int64_t *lengths, size_t count);

/* The leaf of block |block| in every file of |content|. */
void torrent_leaf(uint64_t content, uint64_t block, uint8_t out[32]);

#endif
