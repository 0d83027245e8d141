/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashes made-up content for tests. The whole piece space is laid out in memory first: slow and
 * simple on purpose, so that it does not share a mistake with the code under test.
 */
#include "tests/unit/codec/made_torrent.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto/sha.h"
#include "common/crypto/shamany.h"

uint8_t
made_byte(uint64_t length, uint64_t at)
{
    return (uint8_t)(7 * length + 31 * at + 13 * (at / 256));
}

static void
fill(uint8_t *dst, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        dst[i] = made_byte(length, i);
}

/* The root over 2^k nodes, by halving. */
static void
halve(uint8_t (*nodes)[32], size_t width)
{
    for (; width > 1; width /= 2)
        for (size_t i = 0; i < width / 2; i++)
            sha256_pair(nodes[2 * i], nodes[2 * i + 1], nodes[i]);
}

static void
hash_v2(struct made *m, size_t k, const uint8_t *bytes, uint64_t length)
{
    size_t per_piece = m->build.piece_length / BLOCK_LEN;
    size_t blocks = (size_t)((length + BLOCK_LEN - 1) / BLOCK_LEN), width = 1;
    uint8_t(*nodes)[32];

    while (width < blocks)
        width *= 2;
    nodes = calloc(width, 32);
    for (size_t i = 0; i < blocks; i++) {
        size_t at = i * BLOCK_LEN;

        sha256(bytes + at, length - at < BLOCK_LEN ? (size_t)(length - at) : BLOCK_LEN, nodes[i]);
    }
    if (length > m->build.piece_length) {
        size_t pieces = (blocks + per_piece - 1) / per_piece;

        m->layers[k] = malloc(pieces * 32);
        for (size_t i = 0; i < width / per_piece; i++) {
            halve(nodes + i * per_piece, per_piece);
            memcpy(nodes[i], nodes[i * per_piece], 32);
            if (i < pieces)
                memcpy(m->layers[k] + 32 * i, nodes[i], 32);
        }
        width /= per_piece;
    }
    halve(nodes, width);
    memcpy(m->roots[k], nodes[0], 32);
    m->files[k].root = m->roots[k];
    m->files[k].layer = m->layers[k];
    free(nodes);
}

/* Where file |k| starts: at a piece boundary unless the format is v1. */
static uint64_t
place(const struct made *m, uint64_t end, uint64_t length)
{
    uint64_t pl = m->build.piece_length;

    return m->build.format == METAINFO_V1 || length == 0 ? end : (end + pl - 1) / pl * pl;
}

static void
hash_v1(struct made *m, const uint8_t *space, uint64_t end)
{
    uint64_t pl = m->build.piece_length;

    m->build.piece_count = (uint32_t)((end + pl - 1) / pl);
    m->pieces = malloc(m->build.piece_count > 0 ? m->build.piece_count * 20u : 1);
    for (uint64_t i = 0; i < m->build.piece_count; i++)
        sha1(space + i * pl, end - i * pl < pl ? (size_t)(end - i * pl) : (size_t)pl,
             m->pieces + 20 * i);
    m->build.pieces = m->pieces;
}

void
made_init(struct made *m, enum metainfo_format format, const char *name, bool multi,
          uint32_t piece_length, const struct made_file *files, size_t n)
{
    uint64_t end = 0, room = 0;
    uint8_t *space;

    *m = (struct made){.build = {.format = format,
                                 .name = name,
                                 .multi_file = multi,
                                 .piece_length = piece_length,
                                 .files = m->files,
                                 .file_count = n}};
    for (size_t i = 0; i < n; i++)
        room += files[i].length + piece_length;
    space = calloc(1, room);
    for (size_t i = 0; i < n; i++) {
        m->files[i] = (struct metainfo_build_file){.path = files[i].path,
                                                   .symlink = files[i].symlink,
                                                   .length = files[i].length,
                                                   .attr = files[i].attr};
        if (files[i].length == 0)
            continue;
        end = place(m, end, files[i].length);
        fill(space + end, files[i].length);
        if (format != METAINFO_V1)
            hash_v2(m, i, space + end, files[i].length);
        end += files[i].length;
    }
    if (format != METAINFO_V2)
        hash_v1(m, space, end);
    free(space);
}

void
made_fini(struct made *m)
{
    for (size_t i = 0; i < MADE_FILES_MAX; i++)
        free(m->layers[i]);
    free(m->pieces);
}

struct metainfo *
made_parse(const struct made *m)
{
    struct metainfo *mi = NULL;
    struct errbuf eb = {0};
    struct buf out;

    buf_init(&out, METAINFO_SIZE_MAX);
    cr_assert_eq(metainfo_build(&m->build, &out, &eb), 0, "building: %s", eb.text);
    cr_assert_eq(metainfo_parse(buf_data(&out), buf_len(&out), &mi, &eb), 0, "reading: %s",
                 eb.text);
    buf_fini(&out);
    return mi;
}
