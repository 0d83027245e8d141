/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The torrent file that an operand of the command line names.
 */
#ifndef PEER_CLI_TORRENTFILE_H
#define PEER_CLI_TORRENTFILE_H

#include "common/codec/metainfo.h"

/* Reads and checks |path|, or standard input if |path| is "-". Returns 0 and |*out|, for
 * metainfo_free(); or an error and a sentence that names the file. */
int torrentfile_load(const char *path, struct metainfo **out, struct errbuf *eb);

/* Whether the operand |text| begins like a magnet link (BEP 9), and so is no file. */
bool torrentfile_is_magnet(const char *text);

#endif
