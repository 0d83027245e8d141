/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which files of a torrent are wanted, and how much: by the patterns that people type. A selection
 * is a byte a file, FILE_SKIP to FILE_HIGH.
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

/* Gives the files that |pattern| means the value |priority|. It is a shell pattern, in which *
 * stands for / too, of a file's path or of a folder's, with or without the torrent's name in front;
 * or of a file's own name. NOTFOUND with a sentence when no file is meant. */
int selection_set(const struct metainfo *mi, const char *pattern, enum file_priority priority,
                  uint8_t *selection, struct errbuf *eb);

#endif
