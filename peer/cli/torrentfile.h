/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The torrent file that an operand of the command line names.
 */
#ifndef PEER_CLI_TORRENTFILE_H
#define PEER_CLI_TORRENTFILE_H

#include "common/codec/metainfo.h"
#include "peer/cli/command.h"
#include "peer/torrent/torrent_link.h"

/* Reads and checks |path|, or standard input if |path| is "-". Returns 0 and |*out|, for
 * metainfo_free(); or an error and a sentence that names the file. */
int torrentfile_load(const char *path, struct metainfo **out, struct errbuf *eb);

/* Whether the operand |text| begins like a magnet link (BEP 9), and so is no file. */
bool torrentfile_is_magnet(const char *text);

/* Adds the trackers and peers of a link to those of the command line, as far as there is room. */
void torrentfile_take_link(const struct torrent_link *link, struct cli_list *trackers,
                           struct cli_list *peers);

#endif
