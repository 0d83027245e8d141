/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrent files for tests, written as bencode text around the part that a test is about.
 */
#ifndef TESTS_UNIT_CODEC_TORRENT_TEXT_H
#define TESTS_UNIT_CODEC_TORRENT_TEXT_H

#include "common/codec/metainfo.h"

/* 32 bytes that can stand for a root. */
#define ROOT_A "32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ROOT_B "32:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A leaf of a v2 tree: "name" must come with its length, as in LEAF("1:a", "5", ROOT_A). */
#define LEAF(name, length, root) name "d0:d6:lengthi" length "e11:pieces root" root "ee"

/* Reads |text|. Fails the test unless it loads; the caller frees. */
struct metainfo *text_load(const char *text);

/* Reads |text| and fails the test unless the result is |err| and the sentence has |needle| in it.
 */
void text_refuse(const char *text, int err, const char *needle);

/* A v1 torrent called "t" with 16 KiB pieces: |files| is the content of the list, |pieces| how many
 * piece hashes there are. Static buffer, overwritten by the next call. */
const char *text_v1(const char *files, unsigned pieces);

/* A v2 torrent called "t" with 16 KiB pieces: |tree| is the content of the file tree, |layers| that
 * of the piece layers, or NULL for none at all. */
const char *text_v2(const char *tree, const char *layers);

/* A hybrid of both. */
const char *text_hybrid(const char *tree, const char *files, unsigned pieces);

/* A v1 torrent of one file of one byte, with |before| and |after| info in the outer dictionary and
 * |inside| at the end of info. */
const char *text_around(const char *before, const char *inside, const char *after);

#endif
