/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The selection of a torrent: which of its files are wanted, and with which priority. A selection
 * is an array of one byte per file, from FILE_SKIP to FILE_HIGH. Patterns that users type change
 * it.
 */
#ifndef PEER_TORRENT_SELECTION_H
#define PEER_TORRENT_SELECTION_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/codec/metainfo.h"

enum file_priority {
    FILE_SKIP = 0,
    FILE_NORMAL = 1,
    FILE_HIGH = 2,
};

/* Gives the files that |pattern| matches the value |priority|. |pattern| is a shell pattern, in
 * which * matches / too. It is compared with the path of each file and folder, with and without the
 * torrent's name in front, and with each file's own name. NOTFOUND with a sentence when no file
 * matches. */
int selection_set(const struct metainfo *mi, const char *pattern, enum file_priority priority,
                  uint8_t *selection, struct errbuf *eb);

#endif
