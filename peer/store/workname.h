/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Working names: if the user asks for them, a file's name on disk ends in ".incomplete" until its
 * last piece is stored. A file has no working name if
 *  - the file is empty, a pad or a symbolic link;
 *  - the working name would be longer than 255 bytes, the limit of file systems;
 *  - the torrent has a file or directory of that name, ignoring case.
 *
 * Works on the names in the metainfo; opens no files.
 */
#ifndef PEER_STORE_WORKNAME_H
#define PEER_STORE_WORKNAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/codec/metainfo.h"

#define WORKNAME_SUFFIX ".incomplete"

/* Size of a path with a working name, including the NUL. */
enum { WORKNAME_PATH_MAX = METAINFO_PATH_MAX + sizeof(WORKNAME_SUFFIX) };

/* How a storage uses working names. */
enum workname_use {
    WORKNAME_NONE, /* working names are unknown */
    WORKNAME_FIND, /* files with working names are found, and renamed when they are complete */
    WORKNAME_MAKE, /* as WORKNAME_FIND, and new files are created under their working names */
};

/* The rules for one torrent. Embedded; private. */
struct worknames {
    const struct metainfo *mi;
    char **blocked; /* paths without a working name, since another name of the torrent is the
                       same; sorted */
    size_t blocked_count, blocked_cap;
};

/* |mi| must outlive |w|. SPRAT_E_NOMEM; worknames_fini() is due either way. */
int worknames_init(struct worknames *w, const struct metainfo *mi);
void worknames_fini(struct worknames *w);

/* Writes the file's path with its working name. False if the file has none. */
bool worknames_get(const struct worknames *w, size_t file, char out[WORKNAME_PATH_MAX]);

#endif
