/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat pause: tells spratd to pause torrents.
 */
#include "peer/cli/client.h"
#include "peer/cli/command.h"

static const struct option_spec options[] = {
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    return client_for_each(self, argc, argv, "torrent.pause", NULL);
}

const struct cli_command cli_pause = {
    .name = "pause",
    .usage = "[options] TORRENT… | all",
    .summary = "stop the transfers of a torrent",
    .details =
        "Stops all transfers of the torrents. They stay paused when the daemon is restarted. "
        "Name a torrent by its v1 or v2 info-hash, by the first digits of it (six or more), "
        "or by its name. 'all' means every torrent of the daemon.",
    .example = "  sprat pause 4d753474429d81",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
