/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The working name of a file: what it is called on disk until its last piece is stored, if the user
 * asks for that. It is the file's name with ".incomplete" behind it. A file goes without a working
 * name if
 *  - it has no content of its own: it is empty, a pad or a symbolic link;
 *  - the working name is longer than a file system takes: more than 255 bytes;
 *  - the torrent has a file or a folder of that name, in whatever case its letters are.
 * Pure text over the metainfo; opens nothing.
 */
#ifndef PEER_STORE_WORKNAME_H
#define PEER_STORE_WORKNAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/codec/metainfo.h"

#define WORKNAME_SUFFIX ".incomplete"

/* The room for the path of a file by its working name, with its NUL. */
enum { WORKNAME_PATH_MAX = METAINFO_PATH_MAX + sizeof(WORKNAME_SUFFIX) };

/* What a storage does about working names. */
enum workname_use {
    WORKNAME_NONE, /* it knows none */
    WORKNAME_FIND, /* files that have theirs are found and lose it when they are complete */
    WORKNAME_MAKE, /* new files are made under theirs, too */
};

/* The rules for one torrent. Embedded; private. */
struct worknames {
    const struct metainfo *mi;
    char **blocked; /* paths whose working names are names of the torrent; sorted */
    size_t blocked_count, blocked_cap;
};

/* |mi| must outlive it. SPRAT_E_NOMEM; worknames_fini() is due either way. */
int worknames_init(struct worknames *w, const struct metainfo *mi);
void worknames_fini(struct worknames *w);

/* Writes the path of the file under its working name. False if it goes without one. */
bool worknames_get(const struct worknames *w, size_t file, char out[WORKNAME_PATH_MAX]);

#endif
