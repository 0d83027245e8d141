/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes safe paths from the names in a torrent: each name is cleaned separately, then the names are
 * joined. A name that is legal on disk stays unchanged, so that existing data under the torrent's
 * own name is found. printable.h decides how a name is shown.
 *
 *   in a name                              becomes
 *   '/', NUL                               nothing
 *   controls below U+0020                  '_'
 *   each byte that is no UTF-8             '_'
 *   more than METAINFO_NAME_MAX bytes      its first 240 and its extension
 *   nothing, ".", "..", only backslashes   no component at all
 *
 * Replacing by '_' and truncation follow libtorrent (sanitize_append_path_element), whose names
 * differ in four points: libtorrent truncates from 240 bytes on, although 255 are possible; it
 * drops backslashes and U+200E, U+200F, U+202A to U+202E, which mktorrent, rTorrent and
 * Transmission keep; an invalid first byte of a UTF-8 character drops as many bytes as that
 * character would have; and an empty name becomes "_".
 */
#ifndef COMMON_CODEC_METAINFO_PATH_H
#define COMMON_CODEC_METAINFO_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

/* Bytes of a component that Linux and its file systems allow. */
enum { METAINFO_NAME_MAX = 255 };

/* Writes the cleaned name with its NUL and returns its length; 0 if nothing is left. */
size_t metainfo_name_clean(const uint8_t *s, size_t len, char out[METAINFO_NAME_MAX + 1]);

/* A path under construction, on the caller's stack. */
struct metainfo_path {
    char text[METAINFO_PATH_MAX + 1];
    size_t len;
    bool too_long; /* sticky: a component did not fit */
};

void metainfo_path_init(struct metainfo_path *p);

/* Cleans and appends one component. False if nothing was left to append. */
bool metainfo_path_add(struct metainfo_path *p, const uint8_t *s, size_t len);

/* Appends a component that is clean already. */
void metainfo_path_add_clean(struct metainfo_path *p, const char *name);

/* Truncates the path to an earlier length. */
void metainfo_path_cut(struct metainfo_path *p, size_t len);

/* True for the names that BitComet gave to pad files before BEP 47 defined the attribute. */
bool metainfo_is_old_pad(const char *path);

#endif
