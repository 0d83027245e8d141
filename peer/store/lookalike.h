/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why a file of a torrent is not found where the torrent has it: a link that is not followed, the
 * same name in another form, or the working name of an unfinished download (workname.h). Reads
 * names only.
 */
#ifndef PEER_STORE_LOOKALIKE_H
#define PEER_STORE_LOOKALIKE_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/codec/metainfo.h"

enum { LOOKALIKE_NAMES_MAX = 100 * 1000 }; /* of a directory that are looked at */

/* True and a sentence if there is something to say about the file, below |dir|. */
bool lookalike_find(const char *dir, const struct metainfo *mi, size_t file, struct errbuf *why);

#endif
