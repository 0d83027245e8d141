/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the directory that contains a torrent's file or directory (the engine needs it) from the
 * path that the user typed.
 */
#ifndef PEER_CLI_CONTENTDIR_H
#define PEER_CLI_CONTENTDIR_H

#include "common/codec/metainfo.h"

/* Sets |*dir| to the absolute path, to be freed, of the directory that contains |mi|'s file or
 * directory: |path| itself, or its parent if |path| is the content itself (it has the torrent's
 * name and contains no entry of that name). NOENT and a sentence if |path| does not exist; INVAL if
 * |path| is a file but not the content. */
int contentdir_find(const struct metainfo *mi, const char *path, char **dir, struct errbuf *eb);

#endif
