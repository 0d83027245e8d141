/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Safe paths from what a torrent calls them: each name is cleaned on its own, then joined. A name
 * that a disk can hold is kept as it is, so that data that is there under the torrent's own name is
 * found; how a name is shown is another matter (common/base/printable.h).
 *
 *   in a name                              becomes
 *   '/', NUL                               nothing
 *   controls below U+0020                  '_'
 *   each byte that is no UTF-8             '_'
 *   more than METAINFO_NAME_MAX bytes      its first 240 and its extension
 *   nothing, ".", "..", only backslashes   no component at all
 *
 * What becomes '_' or is cut follows libtorrent (sanitize_append_path_element), whose names differ
 * from these in four points. It cuts from 240 bytes on, although 255 are possible; it leaves out
 * backslashes and U+200E, U+200F, U+202A to U+202E, which mktorrent, rTorrent and Transmission
 * keep; a byte that begins no UTF-8 character takes with it as many bytes as that character would
 * have; and an empty name becomes "_".
 */
#ifndef COMMON_CODEC_METAINFO_PATH_H
#define COMMON_CODEC_METAINFO_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

/* Bytes of a component: what Linux and its file systems allow. */
enum { METAINFO_NAME_MAX = 255 };

/* Writes the clean name with its NUL and returns its length; 0 when nothing is left of it. */
size_t metainfo_name_clean(const uint8_t *s, size_t len, char out[METAINFO_NAME_MAX + 1]);

/* A path under construction, on the stack of its user. */
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

/* Goes back to an earlier length. */
void metainfo_path_cut(struct metainfo_path *p, size_t len);

/* True for the name that BitComet gave to pad files before BEP 47 gave them an attribute. */
bool metainfo_is_old_pad(const char *path);

#endif
