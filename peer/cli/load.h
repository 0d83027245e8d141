/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the torrent file that an operand of the command line names.
 */
#ifndef PEER_CLI_LOAD_H
#define PEER_CLI_LOAD_H

#include "common/codec/metainfo.h"

/* Reads and checks |path|, or standard input if |path| is "-". 0 and |*out|, for metainfo_free();
 * or the error and a sentence that names the file. */
int load_torrent(const char *path, struct metainfo **out, struct errbuf *eb);

/* True if |text| begins like a magnet link. */
bool load_is_magnet(const char *text);

#endif
