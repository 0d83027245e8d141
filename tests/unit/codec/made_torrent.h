/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrents for tests: made-up content, hashed here in the plainest way, and built with
 * metainfo_build(). Byte j of every file is (7 * length + 31 * j + 13 * (j / 256)) mod 256, so that
 * other tools can make the same content.
 */
#ifndef TESTS_UNIT_CODEC_MADE_TORRENT_H
#define TESTS_UNIT_CODEC_MADE_TORRENT_H

#include "common/codec/metainfo_build.h"

enum { MADE_FILES_MAX = 16 };

struct made_file {
    const char *path;
    uint64_t length;
    unsigned attr;
    const char *symlink;
};

/* A build with all its hashes; the members may be changed before building. */
struct made {
    struct metainfo_build build;
    struct metainfo_build_file files[MADE_FILES_MAX];
    uint8_t roots[MADE_FILES_MAX][32];
    uint8_t *layers[MADE_FILES_MAX];
    uint8_t *pieces;
};

uint8_t made_byte(uint64_t length, uint64_t at);

/* Fills in everything for |n| files in ascending order. */
void made_init(struct made *m, enum metainfo_format format, const char *name, bool multi,
               uint32_t piece_length, const struct made_file *files, size_t n);
void made_fini(struct made *m);

/* Builds and reads back; the caller frees. Fails the test if either goes wrong. */
struct metainfo *made_parse(const struct made *m);

#endif
