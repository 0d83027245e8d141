/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Explains why a file of a torrent was not found at its path: a symbolic link that is not followed,
 * the same name in another Unicode form or encoding, or the working name of an unfinished download
 * (workname.h). Reads names only.
 */
#ifndef PEER_STORE_LOOKALIKE_H
#define PEER_STORE_LOOKALIKE_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/codec/metainfo.h"

enum { LOOKALIKE_NAMES_MAX = 100 * 1000 }; /* most names that are read per directory */

/* True, with a sentence in |why|, if the file below |dir| has such an explanation. */
bool lookalike_find(const char *dir, const struct metainfo *mi, size_t file, struct errbuf *why);

#endif
