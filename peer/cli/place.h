/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the directory of a torrent's content, which the engine needs, from the path that the user
 * typed.
 */
#ifndef PEER_CLI_PLACE_H
#define PEER_CLI_PLACE_H

#include "common/codec/metainfo.h"

/* The absolute path of the directory that holds |mi|'s file or directory: |path| itself, or its
 * parent if |path| is the content itself (it has the torrent's name and contains no entry of that
 * name). Freed by the caller. NOENT and a sentence if |path| does not exist; INVAL if |path| is a
 * file but not the content. */
int place_find(const struct metainfo *mi, const char *path, char **dir, struct errbuf *eb);

#endif
