/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fetches the metadata of a magnet link for a command that only wants to show it. The engine's
 * state is in a temporary directory in memory, so nothing is left on a disk.
 */
#ifndef PEER_CLI_FETCHLINK_H
#define PEER_CLI_FETCHLINK_H

#include "peer/cli/transfer.h"
#include "peer/torrent/torrent_link.h"

enum { FETCHLINK_GIVE_UP_S = 60 }; /* default of --give-up-after */

/* Whether there is anybody to ask: the DHT, the local network, or the trackers and peers of the
 * link and of the command line. */
bool fetchlink_has_source(const struct torrent_link *link, const struct transfer_options *o,
                          const struct cli_list *peers, bool trackers_only);

/* Runs until the metadata is here, and then calls o->on_metainfo with the torrent, including the
 * trackers and web seeds of the link. Returns the exit status; errors have been printed. |peers| is
 * changed. */
int fetchlink_run(const struct cli_command *command, struct transfer_options *o,
                  const struct torrent_link *link, struct cli_list *peers, bool trackers_only);

#endif
