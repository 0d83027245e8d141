/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the content of a torrent lies: the directory that the engine is given, from what a person
 * wrote.
 */
#ifndef PEER_CLI_PLACE_H
#define PEER_CLI_PLACE_H

#include "common/codec/metainfo.h"

/* The absolute path of the directory that holds |mi|'s file or directory: |path| itself, or its
 * parent if |path| is the content itself (it bears the torrent's name and holds nothing of that
 * name). Freed by the caller. NOENT and a sentence if |path| is not there; INVAL if it is a file
 * that is not the content. */
int place_find(const struct metainfo *mi, const char *path, char **dir, struct errbuf *eb);

#endif
