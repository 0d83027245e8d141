/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Safe paths from what a torrent calls them: each name is cleaned on its own, then joined. The
 * rules are libtorrent's where they decide which file on disk is meant, so that data that another
 * client has downloaded is found again.
 *
 *   in a name                              becomes
 *   '/', NUL                               nothing
 *   bytes that are no UTF-8, controls      '_' each
 *   direction overrides                    nothing
 *   more than METAINFO_NAME_MAX bytes      its beginning and its extension
 *   nothing, ".", "..", only backslashes   no component at all
 */
#ifndef COMMON_CODEC_METAINFO_PATH_H
#define COMMON_CODEC_METAINFO_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

/* Bytes of a component; leaves room below the usual 255 for a ".12" that makes it unique. */
enum { METAINFO_NAME_MAX = 240 };

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
