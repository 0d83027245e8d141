/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes one directory of several files and directories that lie anywhere, so that a torrent can
 * have them all: the directory has a symbolic link to each of them. The same paths and the same
 * name give the same directory again, so that the state database knows its torrent.
 */
#ifndef PEER_STORE_GATHER_H
#define PEER_STORE_GATHER_H

#include <stddef.h>

#include "common/base/err.h"

/* Makes the directory STATE/shares/KEY/NAME, where KEY is a hash of the paths and the name. |name|
 * NULL: a name made from the first path's and the number of the others. Returns 0 and |*dir|, its
 * path, which the caller frees. Errors, with a sentence: EXISTS (two paths with the same last
 * name), INVAL (a path that can't be read, or a name that can't stand in a torrent), LOCAL
 * errors. */
int gather_make(const char *state_dir, const char *name, const char *const *paths, size_t count,
                char **dir, struct errbuf *eb);

#endif
